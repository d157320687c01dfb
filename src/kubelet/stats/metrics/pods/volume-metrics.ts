import {Gauge, Histogram, type Registry} from 'prom-client';

/** `volume_mount` and its like (pkg/volume/util/operationexecutor). */
export type VolumeOperation =
  | 'volume_mount'
  | 'volume_unmount'
  | 'map_volume'
  | 'unmap_volume'
  | 'unmount_device'
  | 'unmap_device'
  | 'verify_controller_attached_volume';

export type VolumeOperationDone = {
  /** `kubernetes.io/configmap`; of CSI with the driver: `kubernetes.io/csi:hostpath.csi.k8s.io`. */
  readonly plugin: string;
  readonly operation: VolumeOperation;
  readonly seconds: number;
  readonly failed: boolean;
  /** Of a kind that was once built into Kubernetes; not known of what is taken away. */
  readonly migrated?: boolean;
};

export type CsiCallDone = {
  readonly driver: string;
  /** `/csi.v1.Node/NodePublishVolume` */
  readonly method: string;
  /** gRPC's word: `OK`, `DeadlineExceeded`. */
  readonly code: string;
  readonly seconds: number;
};

/** pkg/volume/util/metrics.go */
const buckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];
/** Of the time that it takes to see how full a volume is (pkg/kubelet/server/metrics). */
const usageBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A driver is not told for which kind of volume it is called. */
const unknown = 'false';

/** What volumes cost, in the names of Kubernetes' kubelet. */
export class VolumeMetrics {
  readonly #operations: Histogram<'volume_plugin' | 'operation_name' | 'status' | 'migrated'>;
  readonly #calls: Histogram<'driver_name' | 'method_name' | 'grpc_status_code' | 'migrated'>;
  readonly #usage: Histogram<'metric_source'>;
  #count: () => ReadonlyMap<string, number> = () => new Map();

  constructor(registry: Registry) {
    const registers = [registry];
    this.#operations = new Histogram({
      registers,
      name: 'storage_operation_duration_seconds',
      help: 'Storage operation duration',
      buckets,
      labelNames: ['volume_plugin', 'operation_name', 'status', 'migrated'],
    });
    this.#calls = new Histogram({
      registers,
      name: 'csi_operations_seconds',
      help: 'Container Storage Interface operation duration with gRPC error code status total',
      buckets,
      labelNames: ['driver_name', 'method_name', 'grpc_status_code', 'migrated'],
    });
    this.#usage = new Histogram({
      registers,
      name: 'kubelet_volume_metric_collection_duration_seconds',
      help: 'Duration in seconds to calculate volume stats',
      buckets: usageBuckets,
      labelNames: ['metric_source'],
    });
    const count = (): ReadonlyMap<string, number> => this.#count();
    new Gauge({
      registers,
      name: 'volume_manager_total_volumes',
      help: 'Number of volumes in Volume Manager',
      labelNames: ['plugin_name', 'state'],
      collect() {
        this.reset();
        // What is wanted is made at once here: both views are one.
        for (const [plugin_name, volumes] of count())
          for (const state of ['actual_state_of_world', 'desired_state_of_world'])
            this.set({plugin_name, state}, volumes);
      },
    });
  }

  operation({plugin, operation, seconds, failed, migrated = false}: VolumeOperationDone): void {
    const status = failed ? 'fail-unknown' : 'success';
    const labels = {volume_plugin: plugin, operation_name: operation, status, migrated: String(migrated)};
    this.#operations.observe(labels, seconds);
  }

  csiCall({driver, method, code, seconds}: CsiCallDone): void {
    this.#calls.observe(
      {driver_name: driver, method_name: method, grpc_status_code: code, migrated: unknown},
      seconds,
    );
  }

  /** `source`: `du`, `statfs`, `block`, or the name of a CSI driver. */
  usageRead(source: string, seconds: number): void {
    this.#usage.observe({metric_source: source}, seconds);
  }

  /** Volumes of running pods by plugin. */
  countBy(count: () => ReadonlyMap<string, number>): void {
    this.#count = count;
  }
}
