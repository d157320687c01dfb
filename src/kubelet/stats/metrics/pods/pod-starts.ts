import type {Pod, PodStatus} from '../../../../lib/kubernetes.ts';

export type PodStarted = {
  readonly ownMs: number;
  readonly totalMs: number;
  /** Since this kubelet first saw the pod; to a second, as the pod's status tells it. */
  readonly seenMs: number;
};

type Watched = {pulledMs: number; pulls: number; pullingSinceMs: number};

/** Measures how long pods take from their creation until all their containers are told to run (util/pod_startup_latency_tracker.go). */
export class PodStarts {
  readonly #bornMs: number;
  readonly #pods = new Map<string, Watched>();
  readonly #done = new Set<string>();

  /** Pods from before are not measured. */
  constructor(bornMs: number) {
    this.#bornMs = bornMs;
  }

  /** Pulls of one pod may overlap: time with any of them under way counts once. */
  imageEvent(uid: string, reason: string, nowMs: number): void {
    const pod = this.#pods.get(uid) ?? {pulledMs: 0, pulls: 0, pullingSinceMs: 0};
    this.#pods.set(uid, pod);
    if (reason === 'Pulling') {
      if (pod.pulls === 0) pod.pullingSinceMs = nowMs;
      pod.pulls++;
    } else if (pod.pulls > 0 && (reason === 'Pulled' || reason === 'Failed')) {
      pod.pulls--;
      if (pod.pulls === 0) pod.pulledMs += nowMs - pod.pullingSinceMs;
    }
  }

  /** Defined once for each pod: when its containers have all started. */
  statusWritten({metadata, spec}: Pod, status: PodStatus | undefined, nowMs: number): PodStarted | undefined {
    const {uid, creationTimestamp} = metadata;
    const createdMs = creationTimestamp === undefined ? 0 : Date.parse(creationTimestamp);
    if (this.#done.has(uid) || createdMs < this.#bornMs) return undefined;
    const statuses = status?.containerStatuses ?? [];
    const ran = statuses.filter(({state}) => state?.running ?? state?.terminated).length;
    if (ran < spec.containers.length) return undefined;
    const pulledMs = this.#pods.get(uid)?.pulledMs ?? 0;
    this.#pods.delete(uid);
    this.#done.add(uid);
    // Init containers run as long as they run.
    if ((spec.initContainers ?? []).length > 0) return undefined;
    const totalMs = Math.max(0, nowMs - createdMs);
    const seenMs = status?.startTime === undefined ? totalMs : nowMs - Date.parse(status.startTime);
    return {totalMs, ownMs: Math.max(0, totalMs - pulledMs), seenMs: Math.max(0, seenMs)};
  }

  forget(uid: string): void {
    this.#pods.delete(uid);
    this.#done.delete(uid);
  }
}
