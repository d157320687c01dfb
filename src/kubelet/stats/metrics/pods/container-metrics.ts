import {Counter, Histogram, type Registry} from 'prom-client';
import type {ContainerStatus, Pod, PodStatus} from '../../../../lib/kubernetes.ts';

type Kind = 'container' | 'init_container' | 'ephemeral_container';

/** What was counted of one pod: containers by their ids, so that each counts once whoever tells of it again. */
type Counted = {readonly started: Set<string>; readonly ended: Set<string>};

/** Starts and ends of containers, as the pods' statuses tell them (pkg/kubelet/metrics/metrics.go). */
export class ContainerMetrics {
  readonly #bornMs: number;
  readonly #pods = new Map<string, Counted>();
  readonly #perPod: Histogram;
  readonly #started: Counter<'container_type'>;
  readonly #ended: Counter<'container_type' | 'exit_code' | 'reason'>;

  /** What happened before is not counted. */
  constructor(registry: Registry, bornMs: number) {
    const registers = [registry];
    this.#bornMs = bornMs;
    this.#perPod = new Histogram({
      registers,
      name: 'kubelet_containers_per_pod_count',
      help: 'The number of containers per pod.',
      buckets: [1, 2, 4, 8, 16],
    });
    this.#started = new Counter({
      registers,
      name: 'kubelet_started_containers_total',
      help: 'Cumulative number of containers started',
      labelNames: ['container_type'],
    });
    this.#ended = new Counter({
      registers,
      name: 'kubelet_terminated_containers_total',
      help: 'Cumulative number of container terminations.',
      labelNames: ['container_type', 'exit_code', 'reason'],
    });
  }

  statusWritten({metadata: {uid}, spec}: Pod, status: PodStatus | undefined): void {
    let counted = this.#pods.get(uid);
    if (counted === undefined) {
      counted = {started: new Set(), ended: new Set()};
      this.#pods.set(uid, counted);
      this.#perPod.observe(spec.containers.length);
    }
    for (const told of status?.initContainerStatuses ?? []) this.#count('init_container', told, counted);
    for (const told of status?.containerStatuses ?? []) this.#count('container', told, counted);
    for (const told of status?.ephemeralContainerStatuses ?? [])
      this.#count('ephemeral_container', told, counted);
  }

  forget(uid: string): void {
    this.#pods.delete(uid);
  }

  #count(type: Kind, {containerID, state, lastState}: ContainerStatus, counted: Counted): void {
    if (state?.running !== undefined) this.#start(type, containerID, state.running.startedAt, counted);
    for (const ended of [lastState?.terminated, state?.terminated]) {
      if (ended?.containerID === undefined) continue;
      const {containerID: id, startedAt, finishedAt, exitCode, reason = ''} = ended;
      this.#start(type, id, startedAt, counted);
      if (!this.#isNew(id, finishedAt, counted.ended)) continue;
      this.#ended.inc({container_type: type, exit_code: String(exitCode), reason});
    }
  }

  #start(type: Kind, id: string | undefined, at: string | undefined, {started}: Counted): void {
    if (this.#isNew(id, at, started)) this.#started.inc({container_type: type});
  }

  #isNew(id: string | undefined, at: string | undefined, known: Set<string>): boolean {
    if (id === undefined || known.has(id)) return false;
    known.add(id);
    // Times are told in whole seconds.
    return at !== undefined && Date.parse(at) + 1000 > this.#bornMs;
  }
}
