import {Counter, Gauge, Histogram, type Registry} from 'prom-client';

/** Others would let the metric grow with what users write (kubelet.go, admissionRejectionReasons). */
const rejections: ReadonlySet<string> = new Set([
  'AppArmor',
  'PodOSSelectorNodeLabelDoesNotMatch',
  'PodOSNotSupported',
  'InvalidNodeInfo',
  'InitContainerRestartPolicyForbidden',
  'SupplementalGroupsPolicyNotSupported',
  'UnexpectedAdmissionError',
  'UnknownReason',
  'UnexpectedPredicateFailureType',
  'OutOfcpu',
  'OutOfmemory',
  'OutOfephemeral-storage',
  'OutOfpods',
  'PodLevelResourcesNotSupported',
  'PodFeatureUnsupported',
  "node(s) had taints that the pod didn't tolerate",
  'Evicted',
  'SysctlForbidden',
  'TopologyAffinityError',
  'NodeShutdown',
  'VolumeAttachmentLimitExceeded',
]);
const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the node takes, refuses and clears away (pkg/kubelet/metrics/metrics.go). */
export class NodeMetrics {
  readonly #rejected: Counter<'reason'>;
  readonly #preempted: Counter<'preemption_signal'>;
  readonly #images: Counter<'reason'>;
  readonly #shutdownStart: Gauge;
  readonly #shutdownEnd: Gauge;
  readonly #plugins: Counter<'resource_name'>;
  readonly #allocations: Histogram<'resource_name'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = <T extends string>(name: string, help: string, label: T) =>
      new Counter({registers, name, help, labelNames: [label]});
    this.#rejected = counter(
      'kubelet_admission_rejections_total',
      'Cumulative number pod admission rejections by the Kubelet.',
      'reason',
    );
    this.#preempted = counter(
      'kubelet_preemptions',
      'Cumulative number of pod preemptions by preemption resource',
      'preemption_signal',
    );
    this.#images = counter(
      'kubelet_image_garbage_collected_total',
      'Total number of images garbage collected by the kubelet, whether through disk usage or image age.',
      'reason',
    );
    this.#shutdownStart = new Gauge({
      registers,
      name: 'kubelet_graceful_shutdown_start_time_seconds',
      help: 'Last graceful shutdown start time since unix epoch in seconds',
    });
    this.#shutdownEnd = new Gauge({
      registers,
      name: 'kubelet_graceful_shutdown_end_time_seconds',
      help: 'Last graceful shutdown end time since unix epoch in seconds',
    });
    this.#plugins = counter(
      'kubelet_device_plugin_registration_total',
      'Cumulative number of device plugin registrations. Broken down by resource name.',
      'resource_name',
    );
    this.#allocations = new Histogram({
      registers,
      name: 'kubelet_device_plugin_alloc_duration_seconds',
      help: 'Duration in seconds to serve a device plugin Allocation request. Broken down by resource name.',
      buckets: defaultBuckets,
      labelNames: ['resource_name'],
    });
  }

  rejected(reason: string): void {
    this.#rejected.inc({reason: rejectionLabel(reason)});
  }

  /** `resource`: what was lacking first. */
  preempted(resource: string): void {
    this.#preempted.inc({preemption_signal: resource});
  }

  imageRemoved(reason: 'age' | 'space'): void {
    this.#images.inc({reason});
  }

  /** In whole seconds; one that has not ended has 0. */
  shutdown(startMs: number, endMs: number | undefined): void {
    this.#shutdownStart.set(Math.floor(startMs / 1000));
    this.#shutdownEnd.set(endMs === undefined ? 0 : Math.floor(endMs / 1000));
  }

  pluginRegistered(resource: string): void {
    this.#plugins.inc({resource_name: resource});
  }

  allocated(resource: string, seconds: number): void {
    this.#allocations.observe({resource_name: resource}, seconds);
  }
}

function rejectionLabel(reason: string): string {
  if (rejections.has(reason)) return reason;
  return reason.startsWith('OutOf') ? 'OutOfExtendedResources' : 'Other';
}
