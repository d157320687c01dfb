import type {Pod, Volume} from '../../lib/kubernetes.ts';
import type {ObjectSource} from '../objects.ts';
import type {DownwardFacts} from '../pod/downward-api.ts';
import type {TokenSource} from './tokens.ts';

export type VolumeContext = {
  /** The kubelet's root: volumes are in `<root>/pods/<uid>/volumes`. */
  readonly rootDir: string;
  readonly objects: Pick<ObjectSource, 'secret' | 'configMap'>;
  readonly tokens: TokenSource;
  /** status.allocatable of this node, as last computed. */
  readonly nodeAllocatable: () => DownwardFacts['nodeAllocatable'];
};

export type VolumeRequest = {
  readonly pod: Pod;
  readonly volume: Volume;
  /** The volume's own place on this node. */
  readonly directory: string;
  readonly context: VolumeContext;
  readonly signal: AbortSignal | undefined;
};

export type PreparedVolume = {
  /** What containers mount. */
  readonly path: string;
  /** Containers may not write, whatever they ask for. */
  readonly readOnly: boolean;
  /** Its content has to be looked at again then (a token that grows old). */
  readonly againInMs?: number;
};

/** One kind of volume. */
export type VolumePlugin = {
  /** The field of a pod's volume that asks for this kind. */
  readonly field: keyof Volume & string;
  /** Its directory among the pod's volumes: `kubernetes.io~empty-dir`. */
  readonly directory: string;
  /** Makes the volume, or brings its content up to date; again and again with the same result. */
  prepare(request: VolumeRequest): Promise<PreparedVolume>;
  /** Its content follows objects of the API. */
  readonly follows: boolean;
};

/** A volume cannot be had: `message` is what the pod's FailedMount event says. */
export class VolumeError extends Error {
  constructor(volume: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`MountVolume.SetUp failed for volume "${volume}" : ${why}`, {cause});
    this.name = 'VolumeError';
  }
}
