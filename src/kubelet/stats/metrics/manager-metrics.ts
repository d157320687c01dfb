import {Counter, Gauge, Histogram, type Registry} from 'prom-client';

export type Pinned = 'cpu' | 'memory';
/** Within one core, one NUMA node, one cache: where what a container or a pod got lies. */
export type Alignment = {
  readonly scope: 'container' | 'pod';
  readonly boundary: 'physical_cpu' | 'numa_node' | 'uncore_cache';
};
export type PodResourcesCall = 'list' | 'get' | 'get_allocatable';

/** Doubling from 0.05 ms. */
const admissionBuckets = Array.from({length: 15}, (_, at) => 0.05 * 2 ** at);
const apiVersion = {server_api_version: 'v1'};

export type ProcessorCounts = {
  /** Those that could become somebody's own. */
  readonly shared: number;
  readonly exclusive: number;
  readonly perNode: ReadonlyMap<number, number>;
};

/** What containers get for themselves, and who asks for it (pkg/kubelet/metrics/metrics.go). */
export class ManagerMetrics {
  readonly #aligned: Counter;
  readonly #misaligned: Counter;
  readonly #alignedMs: Histogram;
  readonly #pins: Readonly<Record<Pinned, {readonly all: Counter; readonly failed: Counter}>>;
  readonly #within: Counter<keyof Alignment>;
  readonly #across: Counter<keyof Alignment>;
  readonly #shared: Gauge;
  readonly #perNode: Gauge<'numa_node'>;
  readonly #exclusive: Gauge;
  readonly #asked: Counter<'server_api_version'>;
  readonly #calls: Readonly<Record<PodResourcesCall, Counter<'server_api_version'>>>;
  readonly #refused: Readonly<Record<PodResourcesCall, Counter<'server_api_version'>>>;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = (name: string, help: string) => new Counter({registers, name: `kubelet_${name}`, help});
    const pins = (what: Pinned, thing: string) => ({
      all: counter(
        `${what}_manager_pinning_requests_total`,
        `The number of ${thing} allocations which required pinning.`,
      ),
      failed: counter(
        `${what}_manager_pinning_errors_total`,
        `The number of ${thing} allocations which required pinning that failed.`,
      ),
    });
    this.#aligned = counter(
      'topology_manager_admission_requests_total',
      'The number of admission requests where resources have to be aligned.',
    );
    this.#misaligned = counter(
      'topology_manager_admission_errors_total',
      'The number of admission request failures where resources could not be aligned.',
    );
    this.#alignedMs = new Histogram({
      registers,
      name: 'kubelet_topology_manager_admission_duration_ms',
      help: 'Duration in milliseconds to serve a pod admission request.',
      buckets: admissionBuckets,
    });
    this.#pins = {cpu: pins('cpu', 'cpu core'), memory: pins('memory', 'memory pages')};
    const labelNames = ['scope', 'boundary'] as const;
    this.#within = new Counter({
      registers,
      name: 'kubelet_container_aligned_compute_resources_count',
      help: 'Cumulative number of aligned compute resources allocated to containers by alignment type.',
      labelNames,
    });
    this.#across = new Counter({
      registers,
      name: 'kubelet_container_aligned_compute_resources_failure_count',
      help: 'Cumulative number of failures to allocate aligned compute resources to containers by alignment type.',
      labelNames,
    });
    this.#perNode = new Gauge({
      registers,
      name: 'kubelet_cpu_manager_allocation_per_numa',
      help: 'Number of CPUs allocated per NUMA node',
      labelNames: ['numa_node'],
    });
    this.#shared = new Gauge({
      registers,
      name: 'kubelet_cpu_manager_shared_pool_size_millicores',
      help: 'The size of the shared CPU pool for non-guaranteed QoS pods, in millicores.',
    });
    this.#exclusive = new Gauge({
      registers,
      name: 'kubelet_cpu_manager_exclusive_cpu_allocation_count',
      help: 'The total number of CPUs exclusively allocated to containers running on this node',
    });
    this.#asked = versioned(
      registry,
      'pod_resources_endpoint_requests_total',
      'Cumulative number of requests to the PodResource endpoint. Broken down by server api version.',
    );
    this.#calls = calls(registry, 'requests', '');
    this.#refused = calls(registry, 'errors', ' which returned error');
  }

  /** A pod was judged; `misaligned`: what it asks for is not there, or lies too far apart. */
  judged(ms: number, misaligned: boolean): void {
    this.#aligned.inc();
    this.#alignedMs.observe(ms);
    if (misaligned) this.#misaligned.inc();
  }

  pinned(what: Pinned, failed: boolean): void {
    this.#pins[what].all.inc();
    if (failed) this.#pins[what].failed.inc();
  }

  /** `count`: 0 lets a policy that looks at it be seen before the first pod. */
  aligned({scope, boundary}: Alignment, count = 1): void {
    this.#within.inc({scope, boundary}, count);
  }

  unaligned({scope, boundary}: Alignment, count = 1): void {
    this.#across.inc({scope, boundary}, count);
  }

  processors({shared, exclusive, perNode}: ProcessorCounts): void {
    this.#shared.set(shared * 1000);
    this.#exclusive.set(exclusive);
    for (const [node, count] of perNode) this.#perNode.set({numa_node: String(node)}, count);
  }

  askedAlpha(): void {
    this.#asked.inc({server_api_version: 'v1alpha1'});
  }

  asked(call: PodResourcesCall, failed: boolean): void {
    this.#asked.inc(apiVersion);
    this.#calls[call].inc(apiVersion);
    if (failed) this.#refused[call].inc(apiVersion);
  }
}

function versioned(registry: Registry, name: string, help: string): Counter<'server_api_version'> {
  return new Counter({
    registers: [registry],
    name: `kubelet_${name}`,
    help,
    labelNames: ['server_api_version'],
  });
}

function calls(
  registry: Registry,
  kind: 'requests' | 'errors',
  tail: string,
): Readonly<Record<PodResourcesCall, Counter<'server_api_version'>>> {
  const of = (call: PodResourcesCall, word: string) =>
    versioned(
      registry,
      `pod_resources_endpoint_${kind}_${call}`,
      `Number of requests to the PodResource ${word} endpoint${tail}. Broken down by server api version.`,
    );
  return {
    list: of('list', 'List'),
    get: of('get', 'Get'),
    get_allocatable: of('get_allocatable', 'GetAllocatableResources'),
  };
}
