import {Gauge, Histogram, type Registry} from 'prom-client';

export type DraOperation = 'PrepareResources' | 'UnprepareResources';

/** Fifteen bounds from 0.1 s to 40 s, each as many times the one before (DRADurationBuckets). */
const buckets = Array.from({length: 15}, (_, at) => 0.1 * 400 ** (at / 14));
const anyDriver = '<any>';

/** What claims cost, in the names of Kubernetes' kubelet. */
export class DraMetrics {
  readonly #operations: Histogram<'operation_name' | 'is_error'>;
  readonly #calls: Histogram<'driver_name' | 'method_name' | 'grpc_status_code'>;
  #drivers: () => readonly (readonly string[])[] = () => [];

  constructor(registry: Registry) {
    const registers = [registry];
    this.#operations = new Histogram({
      registers,
      name: 'dra_operations_duration_seconds',
      help: 'Latency histogram in seconds for the duration of handling all ResourceClaims referenced by a pod when the pod starts or stops',
      buckets,
      labelNames: ['operation_name', 'is_error'],
    });
    this.#calls = new Histogram({
      registers,
      name: 'dra_grpc_operations_duration_seconds',
      help: 'Duration in seconds of the DRA gRPC operations',
      buckets,
      labelNames: ['driver_name', 'method_name', 'grpc_status_code'],
    });
    const drivers = () => this.#drivers();
    new Gauge({
      registers,
      name: 'dra_resource_claims_in_use',
      help: 'The number of ResourceClaims that are currently in use on the node, by driver name and across all drivers (<any>)',
      labelNames: ['driver_name'],
      collect() {
        this.reset();
        const claims = drivers();
        this.set({driver_name: anyDriver}, claims.length);
        for (const driver_name of claims.flat()) this.inc({driver_name});
      },
    });
  }

  operation(operation: DraOperation, seconds: number, failed: boolean): void {
    this.#operations.observe({operation_name: operation, is_error: String(failed)}, seconds);
  }

  call(driver: string, method: string, code: string, seconds: number): void {
    this.#calls.observe({driver_name: driver, method_name: method, grpc_status_code: code}, seconds);
  }

  /** The drivers of each claim that is prepared. */
  countBy(drivers: () => readonly (readonly string[])[]): void {
    this.#drivers = drivers;
  }
}
