import {Counter, Gauge, Histogram, Registry} from 'prom-client';
import type {Pod, PodStatus} from '../../../lib/kubernetes.ts';
import {CertificateMetrics} from './certificate-metrics.ts';
import {CgroupMetrics} from './cgroup-metrics.ts';
import {ClientMetrics} from './client-metrics.ts';
import {DraMetrics} from './dra-metrics.ts';
import {HealthMetrics} from './health-metrics.ts';
import {ManagerMetrics} from './manager-metrics.ts';
import {NodeMetrics} from './node-metrics.ts';
import {PluginMetrics} from './plugin-metrics.ts';
import {ContainerMetrics} from './pods/container-metrics.ts';
import {ImageMetrics} from './pods/image-metrics.ts';
import {PodCounts} from './pods/pod-counts.ts';
import {PodMetrics} from './pods/pod-metrics.ts';
import {PodStarts} from './pods/pod-starts.ts';
import {ProbeMetrics} from './pods/probe-metrics.ts';
import {ResizeMetrics} from './pods/resize-metrics.ts';
import {VolumeMetrics} from './pods/volume-metrics.ts';
import {StartupMetrics} from './startup-metrics.ts';

/** Buckets of Kubernetes' kubelet (pkg/kubelet/metrics/metrics.go). */
const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const operationBuckets = Array.from({length: 14}, (_, at) => 0.005 * 2.5 ** at);
const startBuckets = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700,
  3600,
];

/**
 * What the kubelet counts of its own work. Of what Kubernetes 1.36's kubelet registers there is nothing here of:
 * kubelet_evented_pleg_* (its gate is off), kubelet_started_host_process_* (Windows), resource_manager_* and
 * kubelet_memory_qos_* without their gates, kubelet_imagemanager_inmemory_* (no such cache), kubelet_orphan_pod_* and
 * reconstruct_volume_operations_* (a volume is taken down with its pod, not found later), workqueue_* and informer_*
 * (queues and caches of client-go), volume_manager_selinux_* (told by its own gate), kubelet_pod_watch_events_dropped_total
 * (of an API behind a gate that is off), kubelet_cri_losing_support (named in its sources, and registered nowhere). Of cAdvisor's, those that need a walk
 * through the descriptors of every process (container_file_descriptors, container_sockets, container_ulimits_soft) are
 * left out for their price, and container_tasks_state, which is 0 in every kubelet, for its worth.
 */
export class Telemetry {
  readonly registry = new Registry();
  readonly probes = new ProbeMetrics();
  readonly health = new HealthMetrics();
  readonly pods = new PodMetrics(this.registry);
  readonly podCounts = new PodCounts(this.registry);
  readonly images = new ImageMetrics(this.registry);
  readonly resizes = new ResizeMetrics(this.registry);
  readonly volumes = new VolumeMetrics(this.registry);
  readonly dra = new DraMetrics(this.registry);
  readonly cgroups = new CgroupMetrics(this.registry);
  readonly client = new ClientMetrics(this.registry);
  readonly plugins = new PluginMetrics(this.registry);
  readonly node = new NodeMetrics(this.registry);
  readonly managers = new ManagerMetrics(this.registry);
  readonly startup: StartupMetrics;
  readonly containers: ContainerMetrics;
  readonly certificates = new CertificateMetrics(this.registry, Date.now);
  readonly #operations = counter(
    this.registry,
    'kubelet_runtime_operations_total',
    'Cumulative number of runtime operations by operation type.',
    ['operation_type'],
  );
  readonly #failures = counter(
    this.registry,
    'kubelet_runtime_operations_errors_total',
    'Cumulative number of runtime operation errors by operation type.',
    ['operation_type'],
  );
  readonly #operationSeconds = histogram(
    this.registry,
    'kubelet_runtime_operations_duration_seconds',
    'Duration in seconds of runtime operations. Broken down by operation type.',
    operationBuckets,
    ['operation_type'],
  );
  readonly #evictions = counter(
    this.registry,
    'kubelet_evictions',
    'Cumulative number of pod evictions by eviction signal',
    ['eviction_signal'],
  );
  readonly #evictionAge = histogram(
    this.registry,
    'kubelet_eviction_stats_age_seconds',
    'Time between when stats are collected, and when pod is evicted based on those stats by eviction signal',
    defaultBuckets,
    ['eviction_signal'],
  );
  readonly #relistSeconds = histogram(
    this.registry,
    'kubelet_pleg_relist_duration_seconds',
    'Duration in seconds for relisting pods in PLEG.',
    defaultBuckets,
    [],
  );
  readonly #relistInterval = histogram(
    this.registry,
    'kubelet_pleg_relist_interval_seconds',
    'Interval in seconds between relisting in PLEG.',
    defaultBuckets,
    [],
  );
  readonly #podRelistSeconds = histogram(
    this.registry,
    'kubelet_pleg_pod_relist_duration_seconds',
    'Duration in seconds for relisting a single pod in PLEG.',
    defaultBuckets,
    [],
  );
  readonly #lastRelist = new Gauge({
    registers: [this.registry],
    name: 'kubelet_pleg_last_seen_seconds',
    help: 'Timestamp in seconds when PLEG was last seen active.',
  });
  readonly #startSeconds = histogram(
    this.registry,
    'kubelet_pod_start_sli_duration_seconds',
    'Duration in seconds to start a pod, excluding time to pull images and run init containers, measured from pod creation timestamp to when all its containers are reported as started and observed via watch',
    startBuckets,
    [],
  );
  readonly #startTotalSeconds = histogram(
    this.registry,
    'kubelet_pod_start_total_duration_seconds',
    'Duration in seconds to start a pod since creation, including time to pull images and run init containers, measured from pod creation timestamp to when all its containers are reported as started and observed via watch',
    startBuckets,
    [],
  );
  readonly #runSeconds = histogram(
    this.registry,
    'kubelet_pod_start_duration_seconds',
    'Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run',
    startBuckets,
    [],
  );
  readonly #starts: PodStarts;
  #relistedMs: number | undefined;

  /** `bootMs`: when the machine began. */
  constructor(startedMs: number, bootMs = startedMs) {
    // Nothing here has a bound behind which events are dropped.
    counter(this.registry, 'kubelet_pleg_discard_events', 'The number of discard events in PLEG.', []);
    this.startup = new StartupMetrics(this.registry, startedMs, bootMs);
    this.#starts = new PodStarts(startedMs);
    this.containers = new ContainerMetrics(this.registry, startedMs);
  }

  runtimeOperation(operation: string, seconds: number, failed: boolean): void {
    this.#operations.inc({operation_type: operation});
    this.#operationSeconds.observe({operation_type: operation}, seconds);
    if (failed) this.#failures.inc({operation_type: operation});
    this.pods.runtimeOperation(operation, failed);
  }

  /** `statsAgeMs`: how old the numbers were that the pod is evicted for. */
  evicted(signal: string, statsAgeMs: number): void {
    this.#evictions.inc({eviction_signal: signal});
    this.#evictionAge.observe({eviction_signal: signal}, Math.max(0, statsAgeMs) / 1000);
  }

  relisted(startMs: number, endMs: number, nowMs: number): void {
    this.#relistSeconds.observe((endMs - startMs) / 1000);
    if (this.#relistedMs !== undefined)
      this.#relistInterval.observe(Math.max(0, startMs - this.#relistedMs) / 1000);
    this.#relistedMs = startMs;
    this.#lastRelist.set(nowMs / 1000);
  }

  /** What the runtime has of one pod was read. */
  podRead(ms: number): void {
    this.#podRelistSeconds.observe(ms / 1000);
  }

  /** An event about an image of a pod: the time that pulling takes is nobody's fault here. */
  imageEvent(uid: string, reason: string, nowMs: number): void {
    this.#starts.imageEvent(uid, reason, nowMs);
  }

  statusWritten(pod: Pod, status: PodStatus | undefined, nowMs: number): void {
    this.containers.statusWritten(pod, status);
    const started = this.#starts.statusWritten(pod, status, nowMs);
    if (started === undefined) return;
    this.#startSeconds.observe(started.ownMs / 1000);
    this.pods.startedIn(started.ownMs / 1000, pod.spec.hostNetwork === true);
    this.#startTotalSeconds.observe(started.totalMs / 1000);
    this.#runSeconds.observe(started.seenMs / 1000);
  }

  forget(uid: string): void {
    this.#starts.forget(uid);
    this.containers.forget(uid);
    this.probes.forget(uid);
  }
}

/** The CRI's method as Kubernetes' metric names it: `RunPodSandbox` is `run_podsandbox`. */
export function operationName(method: string): string {
  const words = method
    .replace('PodSandbox', 'Podsandbox')
    .replace('UpdateContainerResources', 'UpdateContainer');
  return words.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}

function counter<T extends string>(registry: Registry, name: string, help: string, labelNames: T[]) {
  return new Counter({registers: [registry], name, help, labelNames});
}

function histogram<T extends string>(
  registry: Registry,
  name: string,
  help: string,
  buckets: number[],
  labelNames: T[],
) {
  return new Histogram({registers: [registry], name, help, buckets, labelNames});
}
