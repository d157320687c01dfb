import {Counter, Histogram, type Registry} from 'prom-client';

const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What a round of a pod's worker was for. */
export type PodWork = 'create' | 'sync' | 'kill';

/** As Kubernetes names the lists of a pod in labels. */
const containerTypes = {
  init: 'init_container',
  regular: 'container',
  ephemeral: 'ephemeral_container',
} as const;

/** How long the work for pods takes: dashboards and the usual alerts look here (pkg/kubelet/metrics/metrics.go). */
export class PodMetrics {
  readonly #rounds: Histogram<'operation_type'>;
  readonly #sandboxes: Histogram;
  readonly #started: Counter;
  readonly #failed: Counter;
  readonly #containerFailures: Counter<'container_type' | 'code'>;
  readonly #userNamespaces: Counter;
  readonly #userNamespaceFailures: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#rounds = new Histogram({
      registers,
      name: 'kubelet_pod_worker_duration_seconds',
      help: 'Duration in seconds to sync a single pod. Broken down by operation type: create, update, or sync',
      buckets: defaultBuckets,
      labelNames: ['operation_type'],
    });
    this.#sandboxes = new Histogram({
      registers,
      name: 'kubelet_run_podsandbox_duration_seconds',
      help: 'Duration in seconds of the run_podsandbox operations.',
      buckets: defaultBuckets,
    });
    this.#started = new Counter({
      registers,
      name: 'kubelet_started_pods_total',
      help: 'Cumulative number of pods started',
    });
    this.#failed = new Counter({
      registers,
      name: 'kubelet_started_pods_errors_total',
      help: 'Cumulative number of errors when starting pods',
    });
    this.#containerFailures = new Counter({
      registers,
      name: 'kubelet_started_containers_errors_total',
      help: 'Cumulative number of errors when starting containers',
      labelNames: ['container_type', 'code'],
    });
    this.#userNamespaces = new Counter({
      registers,
      name: 'kubelet_started_user_namespaced_pods_total',
      help: 'Cumulative number of pods with user namespaces started. This metric will only be collected on Linux.',
    });
    this.#userNamespaceFailures = new Counter({
      registers,
      name: 'kubelet_started_user_namespaced_pods_errors_total',
      help: 'Cumulative number of errors when starting pods with user namespaces. This metric will only be collected on Linux.',
    });
  }

  /** `reason`: what its Waiting state shows. */
  containerFailed(kind: keyof typeof containerTypes, reason: string): void {
    this.#containerFailures.inc({container_type: containerTypes[kind], code: reason});
  }

  userNamespaceWanted(): void {
    this.#userNamespaces.inc();
  }

  userNamespaceFailed(): void {
    this.#userNamespaceFailures.inc();
  }

  worked(work: PodWork, seconds: number): void {
    this.#rounds.observe({operation_type: work}, seconds);
  }

  runtimeOperation(operation: string, seconds: number, failed: boolean): void {
    if (operation !== 'run_podsandbox') return;
    this.#sandboxes.observe(seconds);
    // Each try counts as a start.
    this.#started.inc();
    if (failed) this.#failed.inc();
  }
}
