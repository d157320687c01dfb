import {Counter, Histogram, Registry} from 'prom-client';
import type {Pod} from '../../../../lib/kubernetes.ts';
import {processStart} from '../health-metrics.ts';

export type ProbeOutcome = 'successful' | 'failed' | 'unknown';

export type ProbeDone = {
  readonly pod: Pod;
  readonly container: string;
  readonly type: 'startup' | 'liveness' | 'readiness';
  readonly outcome: ProbeOutcome;
  readonly seconds: number;
};

type Label = 'probe_type' | 'container' | 'pod' | 'namespace';

/** `/metrics/probes` (pkg/kubelet/prober): kept as long as the pod is. */
export class ProbeMetrics {
  readonly registry = new Registry();
  readonly #total: Counter<Label | 'pod_uid' | 'result'>;
  readonly #seconds: Histogram<Label>;
  /** Label sets by pod UID, to forget them with it. */
  readonly #known = new Map<string, Map<string, Record<Label, string>>>();

  constructor() {
    const registers = [this.registry];
    processStart(this.registry);
    this.#total = new Counter({
      registers,
      name: 'prober_probe_total',
      help: 'Cumulative number of a liveness, readiness or startup probe for a container by result.',
      labelNames: ['probe_type', 'result', 'container', 'pod', 'namespace', 'pod_uid'],
    });
    this.#seconds = new Histogram({
      registers,
      name: 'prober_probe_duration_seconds',
      help: 'Duration in seconds for a probe response.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      labelNames: ['probe_type', 'container', 'pod', 'namespace'],
    });
  }

  done({pod, container, type, outcome, seconds}: ProbeDone): void {
    const {name, namespace, uid} = pod.metadata;
    const labels = {
      probe_type: type.charAt(0).toUpperCase() + type.slice(1),
      container,
      pod: name,
      namespace,
    };
    const known = this.#known.get(uid) ?? new Map<string, Record<Label, string>>();
    known.set(`${type}/${container}`, labels);
    this.#known.set(uid, known);
    this.#total.inc({...labels, pod_uid: uid, result: outcome});
    // How long a failure takes is its timeout, and says nothing of the container (prober/worker.go).
    if (outcome === 'successful') this.#seconds.observe(labels, seconds);
  }

  forget(uid: string): void {
    for (const labels of this.#known.get(uid)?.values() ?? []) {
      this.#seconds.remove(labels);
      for (const result of ['successful', 'failed', 'unknown'])
        this.#total.remove({...labels, pod_uid: uid, result});
    }
    this.#known.delete(uid);
  }
}
