import type {Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {ObjectSource} from '../api/objects.ts';
import type {DownwardFacts} from '../pod/config/environment/downward-api.ts';
import type {VolumeOperationDone} from '../stats/metrics/pods/volume-metrics.ts';
import type {TokenSource} from './kinds/tokens.ts';
import type {TrustBundles} from './kinds/trust-bundles.ts';

/** PersistentVolumeClaims and PersistentVolumes as the API has them at this moment (a node may only `get` them). */
export type ClaimSource = {
  /** @throws the API's error, not found included */
  claim(namespace: string, name: string, signal?: AbortSignal): Promise<PersistentVolumeClaim>;
  volume(name: string, signal?: AbortSignal): Promise<PersistentVolume>;
};

export type VolumeContext = {
  /** The kubelet's root: volumes are in `<root>/pods/<uid>/volumes`. */
  readonly rootDir: string;
  readonly objects: Pick<ObjectSource, 'secret' | 'configMap'>;
  readonly claims: ClaimSource;
  readonly tokens: TokenSource;
  /** Undefined where no API can be asked. */
  readonly trust?: TrustBundles;
  /** status.allocatable of this node, as last computed. */
  readonly nodeAllocatable: () => DownwardFacts['nodeAllocatable'];
  /** Our Node as last known: a PersistentVolume may be bound to its labels. */
  readonly node: () => Node | undefined;
  /** Kinds of volumes beside those of the registry: CSI, which has a state of its own. */
  readonly plugins?: readonly VolumePlugin[];
  /** What an operation has taken. */
  readonly measured?: (done: VolumeOperationDone) => void;
  /** How long it took to see how full a volume is. */
  readonly usageRead?: (source: string, seconds: number) => void;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** An event of the pod. */
  readonly tell?: (pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string) => void;
};

/** What a claim led to: bound to each other, and allowed on this node. */
export type Persistent = {
  /** Undefined for a volume that the pod names itself, and that its driver knows as a persistent one. */
  readonly claim: PersistentVolumeClaim | undefined;
  readonly volume: PersistentVolume;
  /** Its kind was once built into Kubernetes. */
  readonly migrated: boolean;
};

export type VolumeMode = 'Filesystem' | 'Block';

/** A pod's volume with its claim followed. */
export type VolumeRequest = {
  readonly pod: Pod;
  /** The entry among the pod's volumes. */
  readonly volume: Volume;
  /** Undefined for a source in the pod itself; else its source is `persistent.volume.spec`. */
  readonly persistent: Persistent | undefined;
  /** The PersistentVolume's name, else the name in the pod: what `directory` ends with. */
  readonly specName: string;
  /** Block: containers get a device in place of a directory. */
  readonly mode: VolumeMode;
  /** The pod's source asks for a volume that nobody in this pod may write. */
  readonly readOnly: boolean;
  /** The volume's own place on this node: `<root>/pods/<uid>/{volumes,volumeDevices}/<plugin>/<specName>`. */
  readonly directory: string;
  readonly context: VolumeContext;
  readonly signal: AbortSignal | undefined;
};

export type PreparedVolume = {
  /** What containers mount; of a block volume, the device (or a link to it). */
  readonly path: string;
  /** Containers may not write, whatever they ask for. */
  readonly readOnly: boolean;
  /** Its content has to be looked at again then (a token that grows old). */
  readonly againInMs?: number;
  /** On a machine with SELinux, its files get the label of the container that mounts it (volume.Attributes). */
  readonly relabel?: boolean;
  /** An image that the runtime mounts itself; `path` is empty. */
  readonly image?: string;
  /** A group that every container of the pod is in (annotation of the PersistentVolume). */
  readonly supplementalGroup?: number;
};

/** One volume of a pod as the disk shows it: all that is known of it after a restart or once its pod is gone. */
export type VolumePlace = {
  readonly uid: string;
  readonly specName: string;
  readonly mode: VolumeMode;
  readonly directory: string;
  readonly rootDir: string;
};

export type VolumeUsage = {
  readonly capacityBytes?: number;
  readonly availableBytes?: number;
  readonly usedBytes?: number;
  readonly inodes?: number;
  readonly inodesFree?: number;
  readonly inodesUsed?: number;
  /** A plugin's own verdict (CSI VolumeCondition). */
  readonly abnormal?: boolean;
};

/** One kind of volume. */
export type VolumePlugin = {
  /** The field of a pod's volume, or of a PersistentVolume's spec, that asks for this kind. */
  readonly field: string;
  /** Where that field may be; default: in the pod. */
  readonly from?: 'pod' | 'persistent' | 'both';
  /** Its directory among the pod's volumes: `kubernetes.io~empty-dir`. */
  readonly directory: string;
  /** Makes the volume, or brings its content up to date; again and again with the same result. */
  prepare(request: VolumeRequest): Promise<PreparedVolume>;
  /** Its content follows objects of the API. */
  readonly follows: boolean;
  /** It takes a PersistentVolume's mountOptions. */
  readonly mountOptions?: boolean;
  /** It can give a device (volumeMode Block). */
  readonly devices?: boolean;
  /**
   * Gives back what is not a mount or a file in the pod's directory. What is mounted at or below the place is
   * unmounted and the place is removed after it. Runs for half-made volumes, too. @throws to be tried again
   */
  release?(place: VolumePlace): Promise<void>;
  /**
   * Gives back what pods shared and none uses any more (a device's mount): called after each teardown, and once when
   * all that is on disk is known. Looks at the disk and at the mounts, not at what it remembers.
   */
  collect?(rootDir: string): Promise<void>;
  /** How full it is; statfs(2) of the directory without it. Undefined: it cannot tell. */
  usage?(place: VolumePlace, signal: AbortSignal): Promise<VolumeUsage | undefined>;
};

/** What failed, in Kubernetes' words, where it is not `MountVolume.SetUp failed` (`AttachVolume.Attach failed`). */
export class VolumeStepError extends Error {
  readonly step: string;
  /** The event's reason. */
  readonly reason: string;

  constructor(step: string, message: string, options: ErrorOptions & {reason?: string} = {}) {
    super(message, options);
    this.name = 'VolumeStepError';
    this.step = step;
    this.reason = options.reason ?? 'FailedMount';
  }
}

/** Something outside this node has to happen first (a claim is bound, a volume attached): worth a look every second. */
export class VolumeWaitError extends VolumeStepError {
  override readonly name = 'VolumeWaitError';
  /** The usual way of things, told only by who finds that it takes too long. */
  readonly quiet: boolean;

  constructor(
    step: string,
    message: string,
    options: ErrorOptions & {reason?: string; quiet?: boolean} = {},
  ) {
    super(step, message, options);
    this.quiet = options.quiet ?? false;
  }
}

/** The pod itself has to end: what it waits for can never be had on this node. */
export class VolumeRejection extends Error {
  override readonly name = 'VolumeRejection';
  readonly rejection: {readonly reason: string; readonly message: string};

  constructor(reason: string, message: string) {
    super(message);
    this.rejection = {reason, message};
  }
}

/** A volume cannot be had: `message` is what the pod's event says. */
export class VolumeError extends Error {
  readonly reason: string;
  readonly waiting: boolean;
  readonly quiet: boolean;

  constructor(volume: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const step = cause instanceof VolumeStepError ? cause.step : 'MountVolume.SetUp failed';
    super(`${step} for volume "${volume}" : ${why}`, {cause});
    this.name = 'VolumeError';
    this.reason = cause instanceof VolumeStepError ? cause.reason : 'FailedMount';
    this.waiting = cause instanceof VolumeWaitError;
    this.quiet = cause instanceof VolumeWaitError && cause.quiet;
  }
}
