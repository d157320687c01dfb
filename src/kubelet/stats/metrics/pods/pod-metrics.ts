import {Counter, Gauge, Histogram, type Registry} from 'prom-client';

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
  readonly #firstStart: Gauge;
  readonly #started: Counter;
  readonly #failed: Counter;
  readonly #containerFailures: Counter<'container_type' | 'code'>;
  readonly #userNamespaces: Counter;
  readonly #userNamespaceFailures: Counter;
  #hasStarted = false;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#rounds = new Histogram({
      registers,
      name: 'kubelet_pod_worker_duration_seconds',
      help: 'Duration in seconds to sync a single pod. Broken down by operation type: create, update, or sync',
      buckets: defaultBuckets,
      labelNames: ['operation_type'],
    });
    this.#firstStart = new Gauge({
      registers,
      name: 'kubelet_first_network_pod_start_sli_duration_seconds',
      help: 'Duration in seconds to start the first network pod, excluding time to pull images and run init containers, measured from pod creation timestamp to when all its containers are reported as started and observed via watch',
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

  /** A pod has started; the first one with a network of its own tells how soon a new node can be used. */
  startedIn(seconds: number, hostNetwork: boolean): void {
    if (hostNetwork || this.#hasStarted) return;
    this.#hasStarted = true;
    this.#firstStart.set(seconds);
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

  runtimeOperation(operation: string, failed: boolean): void {
    if (operation !== 'run_podsandbox') return;
    // Each try counts as a start.
    this.#started.inc();
    if (failed) this.#failed.inc();
  }
}
