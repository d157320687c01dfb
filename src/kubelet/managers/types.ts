import type {Container, Pod} from '../../lib/kubernetes.ts';
import type {Hint, Hints} from './numa.ts';

/** The pods that hold something of the node; undefined while that is not known yet. */
export type InUse = () => ReadonlySet<string> | undefined;

/** Gives containers their part of one kind of resource (topologymanager, HintProvider). */
export type ResourceProvider = {
  /** What one pod gets; nothing of it holds before it is committed. */
  draft(pod: Pod): PodDraft;
};

export type PodDraft = {
  /** Where the container's part could come from; empty: it has no wish. */
  hints(container: Container): Hints;
  podHints(): Hints;
  /** @throws AdmissionError or Error when there is not enough */
  allocate(container: Container, hint: Hint): void | Promise<void>;
  commit(): Promise<void>;
};

/** Where a container may run and whose memory it uses; undefined: everywhere. */
export type Placement = {
  readonly cpus: string | undefined;
  readonly memoryNodes: string | undefined;
  /** The processors are its own: it needs no quota on them. */
  readonly exclusive: boolean;
};

/** A refusal with a reason of its own; any other error is an UnexpectedAdmissionError. */
export class AdmissionError extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Init containers first, as they start. */
export function containersOf({spec}: Pod): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

/** An init container that ends before the pod's other containers start: what it has is used again. */
export function endsFirst({spec}: Pod, {name}: Container): boolean {
  return (spec.initContainers ?? []).some((init) => init.name === name && init.restartPolicy !== 'Always');
}
