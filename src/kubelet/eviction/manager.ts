import type {KubeletConfig} from '../../config/kubelet.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Cancel, Clock} from '../../lib/time.ts';
import {isCritical} from '../admission/preemption.ts';
import type {ActivePod} from '../admission/types.ts';
import {noPressure, type Pressure} from '../node/pressure.ts';
import type {Verdict} from '../pod/seen.ts';
import {housekeepingMs, type Stats} from '../stats/stats.ts';
import type {DiskStats, Glance} from '../stats/types.ts';
import {type EvictionMemory, judge, newEvictionMemory} from './judge.ts';
import {evictionWords} from './message.ts';
import {rankPods} from './rank.ts';
import {type Reclaim, reclaims} from './reclaim.ts';
import {type Observations, observe, resourceOf} from './signals.ts';
import {exceededLimit, type LimitSignal} from './storage-limits.ts';
import {parseThresholds, type Threshold, thresholdsMet, withContainerFs} from './thresholds.ts';

export type EvictionOptions = {
  readonly config: KubeletConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly stats: Pick<Stats, 'get' | 'glance'>;
  readonly active: () => readonly ActivePod[];
  readonly end: (uid: string, verdict: Verdict) => void;
  /** Nothing of the pod runs any more, what it held was given back, and `reclaim` may remove the rest. */
  readonly isCleanedUp: (uid: string) => boolean;
  readonly reclaim: (what: Reclaim) => Promise<void>;
  /** An event of the node. */
  readonly tellNode: (reason: string, message: string) => void;
  /** An event of a pod that is evicted. */
  readonly tellPod: (pod: Pod, message: string, annotations: Readonly<Record<string, string>>) => void;
  readonly onPressure: () => void;
  /** `statsAgeMs`: how old the numbers were that it is for. */
  readonly onEvicted?: (signal: string, statsAgeMs: number) => void;
  readonly everyMs?: number;
};

export type Eviction = {
  pressure(): Pressure;
  /** Looks at once: memory falls faster than rounds go. */
  hurry(): void;
  stop(): Promise<void>;
};

const reason = 'Evicted';
const disruption = 'TerminationByKubelet';
/** Where a pod's own grace does not count. */
const immediateGraceSeconds = 1;
/**
 * After an eviction nothing else is evicted before its effect can be seen: the pod has its grace and half of it again
 * to end (pod_workers.go, killPodNow), then so much time to give back what it held.
 */
const leastKillMs = 10_000;
const cleanupMs = 30_000;
const cleanupPollMs = 500;

/** Watches what runs short on this node, and ends pods so that the others can go on. */
export function startEviction(options: EvictionOptions): Eviction {
  return new Evictor(options);
}

class Evictor implements Eviction {
  readonly #options: EvictionOptions;
  readonly #thresholds: readonly Threshold[];
  #memory: EvictionMemory = newEvictionMemory;
  #pressure: Pressure = noPressure;
  #cancel: Cancel = () => undefined;
  #running: Promise<void>;
  #busy = true;
  #stopped = false;
  /** When what the last round judged was read. */
  #seenMs = 0;
  /** The longest grace of those that were evicted last. */
  #graceMs = 0;
  /** Evicted here and not yet gone. */
  #evicted: ReadonlySet<string> = new Set();

  constructor(options: EvictionOptions) {
    this.#options = options;
    this.#thresholds = parseThresholds(options.config);
    this.#running = this.#rounds();
  }

  pressure(): Pressure {
    return this.#pressure;
  }

  hurry(): void {
    if (this.#busy || this.#stopped) return;
    this.#cancel();
    this.#running = this.#rounds();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  async #rounds(): Promise<void> {
    const {clock, log, everyMs = housekeepingMs} = this.#options;
    this.#busy = true;
    try {
      for (let evicted = await this.#round(); evicted.length > 0; evicted = await this.#round())
        if (!(await this.#untilCleanedUp(evicted))) break;
    } catch (error) {
      if (!this.#stopped) log.warn('the pressure on this node is not known', {error: describeError(error)});
    }
    this.#busy = false;
    if (!this.#stopped) this.#cancel = clock.after(everyMs, () => this.hurry());
  }

  /** UIDs of the pods that were told to end. */
  async #round(): Promise<readonly string[]> {
    const {config, stats, clock} = this.#options;
    if (this.#thresholds.length === 0 && !config.localStorageCapacityIsolation) return [];
    const glance = await stats.glance();
    if (this.#stopped) return [];
    this.#seenMs = glance.timeMs;
    const observations = observe(glance);
    const judged = judge(
      withContainerFs(this.#thresholds, glance.disks),
      observations,
      this.#memory,
      clock.monotonic(),
      config.evictionPressureTransitionPeriod,
    );
    this.#memory = judged.memory;
    this.#setPressure(judged.pressure);
    const pods = this.#candidates();
    const over = config.localStorageCapacityIsolation ? this.#endExceeding(pods, glance) : [];
    if (over.length > 0) return over;
    const [first] = judged.urgent;
    return first === undefined ? [] : this.#relieve(first, judged.urgent, observations, glance.disks, pods);
  }

  /** A pod that somebody else deleted with a long grace is one too: its grace shrinks, and nobody else has to go. */
  #candidates(): ActivePod[] {
    const active = this.#options.active();
    const uids = new Set(active.map(({pod}) => pod.metadata.uid));
    this.#evicted = new Set([...this.#evicted].filter((uid) => uids.has(uid)));
    this.#graceMs = 0;
    return active.filter(
      ({pod: {metadata}, ending}) =>
        !ending || (metadata.deletionTimestamp !== undefined && !this.#evicted.has(metadata.uid)),
    );
  }

  #setPressure(pressure: Pressure): void {
    const before = this.#pressure;
    this.#pressure = pressure;
    if (before.memory !== pressure.memory || before.disk !== pressure.disk || before.pid !== pressure.pid)
      this.#options.onPressure();
  }

  /** Every pod that stores more than it may goes. */
  #endExceeding(pods: readonly ActivePod[], {limited, disks}: Glance): string[] {
    return pods.flatMap(({pod, isStatic}) => {
      const own = limited.find(({uid}) => uid === pod.metadata.uid);
      const limit = own && exceededLimit(pod, own, disks.dedicatedImages);
      if (limit === undefined || isCritical(pod, isStatic)) return [];
      this.#evict(pod, limit.signal, {message: limit.message, annotations: {}}, immediateGraceSeconds, false);
      return [pod.metadata.uid];
    });
  }

  /** First what nobody needs, then one pod: what each of them uses is read only now. */
  async #relieve(
    threshold: Threshold,
    urgent: readonly Threshold[],
    observations: Observations,
    disks: DiskStats,
    pods: readonly ActivePod[],
  ): Promise<readonly string[]> {
    const {log, stats, tellNode} = this.#options;
    const resource = resourceOf(threshold.signal);
    tellNode('EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (await this.#reclaim(threshold, disks)) {
      log.info('the pressure was relieved without evicting a pod', {resource});
      return [];
    }
    const snapshot = await stats.get(0);
    if (this.#stopped) return [];
    const byUid = new Map(snapshot.pods.map((used) => [used.uid, used] as const));
    const candidates = pods
      .filter(({pod, isStatic}) => !isCritical(pod, isStatic))
      .map(({pod}) => ({pod, stats: byUid.get(pod.metadata.uid)}));
    const [chosen] = rankPods(candidates, threshold.signal, snapshot.disks);
    if (chosen === undefined) {
      log.warn('the node runs short and no pod can be evicted', {resource});
      return [];
    }
    const {pod} = chosen;
    const words = evictionWords(resource, pod, chosen.stats, urgent, observations);
    this.#evict(pod, threshold.signal, words, this.#grace(threshold, pod), true);
    return [pod.metadata.uid];
  }

  /** True when no threshold is crossed any more, with what must be free above it. */
  async #reclaim({signal}: Threshold, disks: DiskStats): Promise<boolean> {
    const {log, reclaim, stats} = this.#options;
    const steps = reclaims(signal, disks);
    if (steps.length === 0) return false;
    for (const step of steps)
      await reclaim(step).catch((error: unknown) =>
        log.warn('what nobody needs could not be removed', {what: step, error: describeError(error)}),
      );
    const after = await stats.glance();
    return thresholdsMet(withContainerFs(this.#thresholds, after.disks), observe(after), true).length === 0;
  }

  #grace({graceMs}: Threshold, {spec}: Pod): number {
    const most = this.#options.config.evictionMaxPodGracePeriod;
    return graceMs === 0 ? immediateGraceSeconds : Math.min(most, spec.terminationGracePeriodSeconds ?? most);
  }

  #evict(
    pod: Pod,
    signal: string | LimitSignal,
    {message, annotations}: {message: string; annotations: Readonly<Record<string, string>>},
    graceSeconds: number,
    isDisruption: boolean,
  ): void {
    const {clock, log, end, tellPod, onEvicted} = this.#options;
    const {name, namespace, uid} = pod.metadata;
    log.warn('evicting a pod', {pod: `${namespace}/${name}`, signal, message});
    tellPod(pod, message, annotations);
    this.#evicted = new Set([...this.#evicted, uid]);
    this.#graceMs = Math.max(this.#graceMs, graceSeconds * 1000);
    end(uid, {reason, message, graceSeconds, ...(isDisruption ? {disruption} : {})});
    onEvicted?.(signal, clock.now() - this.#seenMs);
  }

  async #untilCleanedUp(uids: readonly string[]): Promise<boolean> {
    const {clock, isCleanedUp} = this.#options;
    const endMs = clock.monotonic() + Math.max(leastKillMs, this.#graceMs * 1.5) + cleanupMs;
    while (!uids.every(isCleanedUp)) {
      if (this.#stopped || clock.monotonic() >= endMs) return !this.#stopped;
      await new Promise<void>((resolve) => clock.after(cleanupPollMs, resolve));
    }
    return !this.#stopped;
  }
}
