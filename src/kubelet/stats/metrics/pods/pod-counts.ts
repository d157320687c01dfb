import {Counter, Histogram, type Registry} from 'prom-client';

const statusBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 45, 60];
const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What happens to pods now and then, and is worth a look when it does (pkg/kubelet/metrics/metrics.go). */
export class PodCounts {
  readonly #plainHooks: Counter;
  readonly #cutSleeps: Counter;
  readonly #restarted: Counter<'static'>;
  readonly #orphaned: Counter;
  readonly #sandboxErrors: Counter<'runtime_handler'>;
  readonly #sandboxSeconds: Histogram<'runtime_handler'>;
  readonly #imageVolumes: Readonly<Record<'requested' | 'mounted' | 'failed', Counter>>;
  readonly #statusSeconds: Histogram;
  readonly #startSeconds: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = (name: string, help: string) => new Counter({registers, name: `kubelet_${name}`, help});
    this.#plainHooks = counter(
      'lifecycle_handler_http_fallbacks_total',
      'The number of times lifecycle handlers successfully fell back to http from https.',
    );
    this.#cutSleeps = counter(
      'sleep_action_terminated_early_total',
      'The number of times lifecycle sleep handler got terminated before it finishes',
    );
    this.#restarted = new Counter({
      registers,
      name: 'kubelet_restarted_pods_total',
      help: 'Number of pods that have been restarted because they were deleted and recreated with the same UID while the kubelet was watching them (common for static pods, extremely uncommon for API pods)',
      labelNames: ['static'],
    });
    for (const is of ['true', '']) this.#restarted.inc({static: is}, 0);
    this.#orphaned = counter(
      'orphaned_runtime_pods_total',
      'Number of pods that have been detected in the container runtime without being already known to the pod worker. This typically indicates the kubelet was restarted while a pod was force deleted in the API or in the local configuration, which is unusual.',
    );
    this.#sandboxErrors = new Counter({
      registers,
      name: 'kubelet_run_podsandbox_errors_total',
      help: 'Cumulative number of the run_podsandbox operation errors by RuntimeClass.Handler.',
      labelNames: ['runtime_handler'],
    });
    this.#sandboxSeconds = new Histogram({
      registers,
      name: 'kubelet_run_podsandbox_duration_seconds',
      help: 'Duration in seconds of the run_podsandbox operations. Broken down by RuntimeClass.Handler.',
      labelNames: ['runtime_handler'],
      buckets: defaultBuckets,
    });
    this.#imageVolumes = {
      requested: counter('image_volume_requested_total', 'Number of requested image volumes.'),
      mounted: counter('image_volume_mounted_succeed_total', 'Number of successful image volume mounts.'),
      failed: counter('image_volume_mounted_errors_total', 'Number of failed image volume mounts.'),
    };
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({registers, name: `kubelet_${name}`, help, buckets});
    this.#statusSeconds = histogram(
      'pod_status_sync_duration_seconds',
      'Duration in seconds to sync a pod status update. Measures time from detection of a change to pod status until the API is successfully updated for that pod, even if multiple intevening changes to pod status occur.',
      statusBuckets,
    );
    this.#startSeconds = histogram(
      'pod_worker_start_duration_seconds',
      'Duration in seconds from kubelet seeing a pod to starting a worker.',
      defaultBuckets,
    );
  }

  /** A server that knows no TLS was asked again without it, and answered. */
  hookFellBack(): void {
    this.#plainHooks.inc();
  }

  /** The container ended before its hook had slept enough. */
  sleepCut(): void {
    this.#cutSleeps.inc();
  }

  /** A static pod is to run again under the same UID as soon as nothing of it runs. */
  restarted(): void {
    this.#restarted.inc({static: 'true'});
  }

  /** Something runs of a pod that no source has told. */
  orphaned(): void {
    this.#orphaned.inc();
  }

  sandboxTried(handler: string, seconds: number, failed: boolean): void {
    this.#sandboxSeconds.observe({runtime_handler: handler}, seconds);
    if (failed) this.#sandboxErrors.inc({runtime_handler: handler});
  }

  /** A container was made with so many images as volumes, mounted at so many places; or could not be for their sake. */
  imageVolumes(count: number, mounts: number, failed: boolean): void {
    this.#imageVolumes.requested.inc(count);
    this.#imageVolumes[failed ? 'failed' : 'mounted'].inc(mounts);
  }

  statusSynced(seconds: number): void {
    this.#statusSeconds.observe(seconds);
  }

  workBegan(seconds: number): void {
    this.#startSeconds.observe(seconds);
  }
}
