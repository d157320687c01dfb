import type {Cri} from '../../edges/cri/client.ts';
import type {EventRecorder} from '../../edges/kube/events.ts';
import type {Container, Pod} from '../../lib/kubernetes.ts';
import type {Clock} from '../../lib/time.ts';
import {tellPod} from '../pod/apply/tell.ts';
import type {ProbeResult, ProbesSeen} from '../pod/seen.ts';
import {newestContainer, type PodRuntime, type RuntimeContainer} from '../pod/status/runtime-state.ts';
import type {ProbeDone} from '../stats/metrics/pods/probe-metrics.ts';
import type {Attempt} from './probe.ts';
import {type ProbeType, ProbeWorker} from './worker.ts';

export type Probes = {
  /** The verdicts of the pod's probes, by container id. */
  results(uid: string): ReadonlyMap<string, ProbesSeen>;
  /** What runs of the pod and was told of before is as it was told, from the first look at it. */
  recall(pod: Pod, runtime: PodRuntime): void;
  /** Probes what runs of the pod now, and no longer what does not; of what comes to its end, only its readiness. */
  sync(pod: Pod, runtime: PodRuntime, ending: boolean): void;
  forget(uid: string): void;
  stop(): void;
};

export type ProbesOptions = {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly hostIps: () => readonly string[];
  /** A verdict has changed. */
  readonly onChange: (uid: string) => void;
  readonly onProbe?: (done: ProbeDone) => void;
};

type Probed = {
  readonly results: {startup?: ProbeResult; liveness?: ProbeResult; readiness?: ProbeResult};
  readonly workers: Map<ProbeType, ProbeWorker>;
  /** What was told of this container before is known; of a static pod it comes with its mirror, later. */
  told: boolean;
  readonly reported: Set<ProbeType>;
};

/** A container that runs, and what is known of it. */
type Target = {
  readonly pod: Pod;
  readonly container: Container;
  readonly record: RuntimeContainer;
  readonly runtime: PodRuntime;
  readonly probed: Probed;
  readonly ending: boolean;
};

/** Containers that ran already when this kubelet started keep the readiness that was last told of them. */
const restartGraceMs = 10_000;
const types = ['startup', 'liveness', 'readiness'] as const;

export function startProbes(options: ProbesOptions): Probes {
  return new ProbeManager(options);
}

class ProbeManager implements Probes {
  readonly #options: ProbesOptions;
  readonly #pods = new Map<string, Map<string, Probed>>();
  readonly #bornMs: number;

  constructor(options: ProbesOptions) {
    this.#options = options;
    this.#bornMs = options.clock.now();
  }

  results(uid: string): ReadonlyMap<string, ProbesSeen> {
    const results = new Map<string, ProbesSeen>();
    for (const [id, probed] of this.#pods.get(uid) ?? []) results.set(id, {...probed.results});
    return results;
  }

  recall(pod: Pod, runtime: PodRuntime): void {
    const {uid} = pod.metadata;
    const known = this.#pods.get(uid) ?? new Map<string, Probed>();
    const running = runningOf(pod, runtime);
    for (const [container, record] of running) {
      const probed = known.get(record.id) ?? this.#begin(container);
      known.set(record.id, probed);
      if (!probed.told) this.#seed(pod, container, record, probed);
    }
    const ids = new Set(running.map(([, {id}]) => id));
    for (const [id, probed] of known)
      if (!ids.has(id)) {
        stopAll(probed);
        known.delete(id);
      }
    if (known.size > 0) this.#pods.set(uid, known);
    else this.#pods.delete(uid);
  }

  sync(pod: Pod, runtime: PodRuntime, ending: boolean): void {
    this.recall(pod, runtime);
    const known = this.#pods.get(pod.metadata.uid);
    for (const [container, record] of runningOf(pod, runtime)) {
      const probed = known?.get(record.id);
      if (probed !== undefined) this.#workers({pod, container, record, runtime, probed, ending});
    }
  }

  forget(uid: string): void {
    for (const probed of this.#pods.get(uid)?.values() ?? []) stopAll(probed);
    this.#pods.delete(uid);
  }

  stop(): void {
    for (const uid of [...this.#pods.keys()]) this.forget(uid);
  }

  /** Before the first probe: alive, not ready, not known to have started. */
  #begin(container: Container): Probed {
    return {
      workers: new Map(),
      results: {
        ...(container.startupProbe === undefined ? {} : {startup: 'unknown'}),
        ...(container.livenessProbe === undefined ? {} : {liveness: 'success'}),
        ...(container.readinessProbe === undefined ? {} : {readiness: 'failure'}),
      },
      told: false,
      reported: new Set(),
    };
  }

  /** What ran before this kubelet started is as it was until a probe says otherwise. */
  #seed(pod: Pod, container: Container, record: RuntimeContainer, probed: Probed): void {
    const {reported, results} = probed;
    probed.told = statusOf(pod, container, record) !== undefined;
    if (results.startup !== undefined && !reported.has('startup') && this.#wasStarted(pod, container, record))
      results.startup = 'success';
    if (
      results.readiness !== undefined &&
      !reported.has('readiness') &&
      this.#keepsReadiness(pod, container, record)
    )
      results.readiness = 'success';
  }

  #keepsReadiness(pod: Pod, container: Container, record: RuntimeContainer): boolean {
    const told = statusOf(pod, container, record);
    return told?.ready === true && record.startedAtMs < this.#bornMs - restartGraceMs;
  }

  #wasStarted(pod: Pod, container: Container, record: RuntimeContainer): boolean {
    return statusOf(pod, container, record)?.started === true && record.startedAtMs < this.#bornMs;
  }

  /** After a restart of the kubelet not all probes of the node begin at one moment, and go on so for ever. */
  #spread({periodSeconds = 10}: {readonly periodSeconds?: number}, {startedAtMs}: RuntimeContainer): number {
    const isYoung = this.#options.clock.now() - this.#bornMs < periodSeconds * 1000;
    return isYoung && startedAtMs < this.#bornMs ? Math.random() : 0;
  }

  #workers(target: Target): void {
    const {container, probed, ending} = target;
    const started = container.startupProbe === undefined || probed.results.startup === 'success';
    for (const type of types) {
      const spec = container[`${type}Probe`];
      const wanted = type === 'readiness' ? started : !ending && (type === 'startup' ? !started : started);
      const worker = probed.workers.get(type);
      if (spec === undefined || !wanted) {
        worker?.stop();
        probed.workers.delete(type);
      } else if (worker === undefined) probed.workers.set(type, this.#start(target, type, spec));
    }
  }

  #start(
    {pod, container, record, runtime, probed: {results, reported}}: Target,
    type: ProbeType,
    spec: NonNullable<Container['livenessProbe']>,
  ): ProbeWorker {
    const {cri, clock, recorder, hostIps, onChange, onProbe} = this.#options;
    const ips = () => (pod.spec.hostNetwork ? hostIps() : (runtime.sandboxes[0]?.ips ?? []));
    return new ProbeWorker({
      cri,
      clock,
      type,
      spec,
      container,
      containerId: record.id,
      startedAtMs: record.startedAtMs,
      podIp: () => ips()[0] ?? '',
      spread: this.#spread(spec, record),
      onResult: (result) => {
        reported.add(type);
        if (results[type] === result) return;
        results[type] = result;
        onChange(pod.metadata.uid);
      },
      onAttempt: (outcome, seconds) =>
        onProbe?.({pod, container: container.name, type, outcome: resultWord(outcome), seconds}),
      tell: (reason, message) => tellPod(recorder, pod, container.name, 'Warning', reason, message),
    });
  }
}

function resultWord(outcome: Attempt['outcome'] | undefined): ProbeDone['outcome'] {
  if (outcome === undefined) return 'unknown';
  return outcome === 'failure' ? 'failed' : 'successful';
}

function runningOf(pod: Pod, runtime: PodRuntime): [Container, RuntimeContainer][] {
  return probedContainers(pod).flatMap((container): [Container, RuntimeContainer][] => {
    const record = newestContainer(runtime, container.name);
    return record?.state === 'running' ? [[container, record]] : [];
  });
}

function probedContainers({spec}: Pod): Container[] {
  return [...(spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always'), ...spec.containers];
}

/** The API's word about this very run of the container. */
function statusOf({status}: Pod, {name}: Container, {id}: RuntimeContainer) {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return all.find((told) => told.name === name && told.containerID?.endsWith(id));
}

function stopAll({workers}: Probed): void {
  for (const worker of workers.values()) worker.stop();
  workers.clear();
}
