import {Gauge, Histogram, type Registry} from 'prom-client';
import type {Cgroups} from '../../../edges/cgroups/cgroups.ts';

/** How long the kernel, or systemd, takes for the cgroups of pods. */
export class CgroupMetrics {
  readonly #seconds: Histogram<'operation_type'>;
  readonly #version: Gauge;
  readonly #registry: Registry;
  #kept: {readonly min: Gauge; readonly low: Gauge} | undefined;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#registry = registry;
    this.#seconds = new Histogram({
      registers,
      name: 'kubelet_cgroup_manager_duration_seconds',
      help: 'Duration in seconds for cgroup manager operations. Broken down by method.',
      labelNames: ['operation_type'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    });
    this.#version = new Gauge({
      registers,
      name: 'kubelet_cgroup_version',
      help: 'cgroup version on the hosts.',
    });
  }

  /** MemoryQoS, known only where it is on: what Guaranteed pods keep whatever happens, and Burstable ones if they can. */
  kept(min: number, low: number): void {
    this.#kept ??= {
      min: this.#gauge(
        'min',
        'Total cgroup v2 memory.min in bytes for Guaranteed pods. This memory is hard-reserved and never reclaimed by the kernel.',
      ),
      low: this.#gauge(
        'low',
        'Total cgroup v2 memory.low in bytes for Burstable pods. This memory is soft-reserved and may be reclaimed under extreme pressure.',
      ),
    };
    this.#kept.min.set(min);
    this.#kept.low.set(low);
  }

  #gauge(kind: 'min' | 'low', help: string): Gauge {
    return new Gauge({
      registers: [this.#registry],
      name: `kubelet_memory_qos_node_memory_${kind}_bytes`,
      help,
    });
  }

  /** The same cgroups, timed; `ensure` makes and updates in one. */
  timed(cgroups: Cgroups): Cgroups {
    this.#version.set(cgroups.v2 ? 2 : 1);
    const time = async (operation: 'update' | 'destroy', work: () => Promise<void>): Promise<void> => {
      const end = this.#seconds.startTimer({operation_type: operation});
      await work().finally(end);
    };
    return {
      ...cgroups,
      ensure: (path, limits) => time('update', () => cgroups.ensure(path, limits)),
      remove: (path) => time('destroy', () => cgroups.remove(path)),
    };
  }
}
