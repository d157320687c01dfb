import {errno} from '../../edges/files/files.ts';
import {Queue} from '../../lib/control/queue.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod, PodStatus} from '../../lib/kubernetes.ts';
import {wantsMore} from '../resize/allocation.ts';
import type {ResizeTrigger} from '../stats/metrics/pods/resize-metrics.ts';
import {decidePod} from './actions/decide.ts';
import {applyPod} from './apply/apply.ts';
import type {WorkLimits} from './apply/apply-context.ts';
import {newMemory, type PodMemory} from './config/resources/memory.ts';
import {observePod} from './observe.ts';
import {roomWaiters} from './room-waiters.ts';
import type {PodSeen, Verdict} from './seen.ts';
import {isTerminal} from './status/phase.ts';
import {isAlive} from './status/runtime-state.ts';
import {podGrace} from './status/termination.ts';
import type {PodView} from './status/view.ts';

export type {WorkLimits} from './apply/apply-context.ts';

export type PodWorkers = {
  /** Something about this pod changed: look at it. */
  enqueue(uid: string): void;
  /** As `enqueue`, and what is done for the pod just now is given up. */
  interrupt(uid: string, reason: string): void;
  /** No source knows the pod any more; its object as it was last told says how long its end may take. */
  gone(pod: Pod): void;
  /** What a failed start or volume waited for may be there now: it is tried at once. */
  retry(uid: string): void;
  /** The same, unless nothing has failed for want of it. */
  retryFailed(uid: string): void;
  /** What became of the pod's admission. */
  standing(uid: string): 'unknown' | 'admitted' | 'ending';
  /** The status as last computed. */
  status(uid: string): PodStatus | undefined;
  /** Asked again, only what leaves the pod less time counts. */
  end(uid: string, verdict: Verdict): void;
  /** There may be room for what waits. */
  roomMade(): void;
  uids(): string[];
  /** Everything that is worked on, with the pod as it was known last. */
  working(): {uid: string; pod: Pod | undefined; lifecycle: Lifecycle}[];
  /** Nothing of the pod runs any more, and its volumes and its cgroup are gone. */
  isCleanedUp(uid: string): boolean;
  /** Whether a pod of that name, with another UID, has not come to its end yet. */
  hasOther(pod: Pod): boolean;
  stop(): Promise<void>;
};

/** How far a pod's worker is, in the words of Kubernetes' (pod_workers.go, PodWorkerState). */
export type Lifecycle = 'sync' | 'terminating' | 'terminated';

/** Rounds wait for the runtime most of the time; what is started at once is bounded by the start limit. */
const concurrency = 1000;
/** Rounds of one pod in a row, before others have their turn. */
const maxRounds = 20;
const defaultMaxRestartMs = 300_000;
/** After about ten seconds of tries. */
const tellBusyMs = 8_000;

/** One serial worker for each pod UID: observe → decide → apply, until nothing is left to do. */
export function startPodWorkers(view: PodView, limits: WorkLimits, onForgotten: () => void): PodWorkers {
  return new Workers(view, limits, onForgotten);
}

/** The node may be in more of a hurry than before: a soft eviction becomes a hard one. */
function isSooner({verdict, lastPod}: PodMemory, other: Verdict): boolean {
  return verdict?.rejected !== true && podGrace(lastPod, other) < podGrace(lastPod, verdict);
}

/** Something runs of what no source has ever told. */
function isOrphan({pod, lastPod, runtime}: PodSeen): boolean {
  if (pod !== undefined || lastPod !== undefined) return false;
  return runtime.containers.some(isAlive) || runtime.sandboxes.some(({ready}) => ready);
}

class Workers implements PodWorkers {
  readonly #view: PodView;
  readonly #limits: WorkLimits;
  readonly #queue: Queue;
  readonly #onForgotten: () => void;
  readonly #memories = new Map<string, PodMemory>();
  /** When a pod was first asked for that has no worker yet (monotonic). */
  readonly #askedMs = new Map<string, number>();

  constructor(view: PodView, limits: WorkLimits, onForgotten: () => void) {
    this.#onForgotten = onForgotten;
    this.#view = view;
    this.#limits = limits;
    this.#queue = new Queue({
      clock: view.deps.clock,
      concurrency,
      backoff: {firstMs: 500, maxMs: 10_000},
      work: (uid, signal) => this.#timed(uid, signal),
      onError: (uid, error, retryInMs) => this.#failed(uid, error, retryInMs),
    });
  }

  enqueue(uid: string): void {
    const {clock} = this.#view.deps;
    if (!this.#memories.has(uid) && !this.#askedMs.has(uid)) this.#askedMs.set(uid, clock.monotonic());
    this.#queue.enqueue(uid);
  }

  interrupt(uid: string, reason: string): void {
    this.#queue.interrupt(uid, reason);
  }

  gone({metadata}: Pod): void {
    const memory = this.#memories.get(metadata.uid);
    if (memory?.lastPod !== undefined) memory.lastPod = {...memory.lastPod, metadata};
    this.interrupt(metadata.uid, 'the pod was deleted');
  }

  retry(uid: string): void {
    this.#forgive(uid);
    this.enqueue(uid);
  }

  /** A change of an object that a hundred healthy pods show costs none of them a look. */
  retryFailed(uid: string): void {
    if (this.#forgive(uid)) this.enqueue(uid);
  }

  /** Whether anything had failed for want of something. */
  #forgive(uid: string): boolean {
    const memory = this.#memories.get(uid);
    const refused = [...(memory?.startFailures ?? [])].filter(
      ([, {reason}]) => reason === 'CreateContainerConfigError',
    );
    for (const [name, {retryAtMs: _, ...failure}] of refused) memory?.startFailures.set(name, failure);
    const lacks = memory?.volumes.state === 'failed' ? memory.volumes : undefined;
    if (memory !== undefined && lacks !== undefined) memory.volumes = {...lacks, retryAtMs: 0};
    return lacks !== undefined || refused.length > 0;
  }

  standing(uid: string): 'unknown' | 'admitted' | 'ending' {
    const memory = this.#memories.get(uid);
    if (memory?.admitted !== true) return 'unknown';
    return memory.verdict === undefined ? 'admitted' : 'ending';
  }

  status(uid: string): PodStatus | undefined {
    return this.#memories.get(uid)?.status;
  }

  end(uid: string, verdict: Verdict): void {
    const memory = this.#memory(uid);
    if (memory.verdict !== undefined && !isSooner(memory, verdict)) return;
    memory.verdict = verdict;
    this.interrupt(uid, verdict.reason);
  }

  uids(): string[] {
    return [...this.#memories.keys()];
  }

  working(): {uid: string; pod: Pod | undefined; lifecycle: Lifecycle}[] {
    return [...this.#memories.values()].map(({uid, lastPod: pod, ending, local}) => {
      const ended = local === 'clean' ? 'terminated' : 'terminating';
      return {uid, pod, lifecycle: ending ? ended : 'sync'};
    });
  }

  roomMade(): void {
    this.#wakeWaiting('pod_resized');
  }

  isCleanedUp(uid: string): boolean {
    const memory = this.#memories.get(uid);
    return memory === undefined || memory.local === 'clean';
  }

  hasOther({metadata}: Pod): boolean {
    return [...this.#memories.values()].some(
      ({uid, lastPod}) =>
        uid !== metadata.uid &&
        lastPod?.metadata.name === metadata.name &&
        lastPod.metadata.namespace === metadata.namespace,
    );
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  #memory(uid: string): PodMemory {
    const {maxContainerRestartPeriod} = this.#view.deps.config.crashLoopBackOff;
    const known = this.#memories.get(uid);
    if (known !== undefined) return known;
    const memory = newMemory(uid, maxContainerRestartPeriod ?? defaultMaxRestartMs);
    this.#memories.set(uid, memory);
    return memory;
  }

  /** A mount or cgroup is busy for a moment after its last process: that is told only when it stays so. */
  #failed(uid: string, error: unknown, retryInMs: number): void {
    const {log} = this.#view.deps;
    const fields = {uid, retryInMs, error: describeError(error)};
    if (errno(error) === 'EBUSY' && retryInMs < tellBusyMs) log.debug('a pod is still busy', fields);
    else log.warn('a pod could not be synced', fields);
  }

  async #timed(uid: string, signal: AbortSignal): Promise<{againInMs?: number} | undefined> {
    const {clock, telemetry} = this.#view.deps;
    const startMs = clock.monotonic();
    const isNew = !this.#memories.has(uid);
    const askedMs = this.#askedMs.get(uid);
    this.#askedMs.delete(uid);
    if (isNew && askedMs !== undefined && this.#view.find(uid) !== undefined)
      telemetry?.podCounts.workBegan((startMs - askedMs) / 1000);
    try {
      return await this.#work(uid, signal);
    } finally {
      const work = this.standing(uid) === 'ending' ? 'kill' : isNew ? 'create' : 'sync';
      this.#view.onWorked?.(work, (clock.monotonic() - startMs) / 1000);
    }
  }

  async #work(uid: string, signal: AbortSignal): Promise<{againInMs?: number} | undefined> {
    const memory = this.#memory(uid);
    for (let round = 0; round < maxRounds; round++) {
      const seen = await observePod(this.#view, memory, signal);
      const decision = decidePod(seen);
      if (isOrphan(seen) && decision.ending && !memory.ending)
        this.#view.deps.telemetry?.podCounts.orphaned();
      memory.ending = decision.ending;
      if (seen.pod !== undefined) this.#report(seen.pod, memory, decision.status);
      const known = seen.pod ?? seen.lastPod;
      if (known !== undefined) this.#view.probes.sync(known, seen.runtime, decision.ending);
      if (decision.acts.length === 0)
        return decision.againInMs === undefined ? undefined : {againInMs: decision.againInMs};
      for (const act of decision.acts) {
        signal.throwIfAborted();
        await applyPod(this.#context(memory, seen.pod ?? seen.lastPod), act, signal);
      }
      if (!this.#memories.has(uid)) return undefined;
    }
    return {againInMs: 0};
  }

  #report(pod: Pod, memory: PodMemory, status: PodStatus | undefined): void {
    if (status === undefined) return;
    const ended = isTerminal(status.phase) && !isTerminal(memory.status?.phase);
    memory.status = status;
    if (ended) this.#wakeWaiting('pod_terminated');
    const carrier = this.#view.carrier(pod);
    if (carrier !== undefined) this.#view.writer.want(memory.uid, carrier, status);
  }

  /** A pod has come to its end: there may be room for those that wait. */
  #wakeWaiting(why: ResizeTrigger): void {
    for (const uid of roomWaiters(this.#memories.values(), (uid) => this.#grows(uid))) {
      this.#memory(uid).wokenBy = why;
      this.enqueue(uid);
    }
  }

  #grows(uid: string): boolean {
    const pod = this.#view.find(uid)?.pod;
    return pod !== undefined && wantsMore(pod, this.#view.records.get(uid)?.allocated);
  }

  #context(memory: PodMemory, pod: Pod | undefined) {
    return {
      ...this.#view,
      ...this.#limits,
      memory,
      pod,
      again: () => this.enqueue(memory.uid),
      forget: () => {
        this.#memories.delete(memory.uid);
        this.#view.runtime.forget(memory.uid);
        this.#view.images.forget(memory.uid);
        this.#view.probes.forget(memory.uid);
        this.#wakeWaiting('pods_removed');
        this.#onForgotten();
      },
    };
  }
}
