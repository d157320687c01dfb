import {Counter, Histogram, type Registry} from 'prom-client';
import type {Container, Pod} from '../../../../lib/kubernetes.ts';
import {parseQuantity} from '../../../../lib/quantity.ts';

/** What made a resize that waited be looked at again. */
export type ResizeTrigger =
  | 'pod_resized'
  | 'pod_updated'
  | 'pods_added'
  | 'pods_removed'
  | 'pod_terminated'
  | 'periodic_retry';

/** Why a resize can never be, as Kubernetes' label says it. */
export type InfeasibleDetail =
  | 'swap_limitation'
  | 'guaranteed_pod_cpu_manager_static_policy'
  | 'guaranteed_pod_memory_manager_static_policy';

const durationBuckets = [
  10, 50, 100, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
];

/** Resizes that are asked for, refused, agreed to after a wait, and done (pkg/kubelet/metrics/metrics.go). */
export class ResizeMetrics {
  readonly #requested: Counter<'resource' | 'requirement' | 'operation'>;
  readonly #infeasible: Counter<'reason_detail'>;
  readonly #accepted: Counter<'retry_trigger'>;
  readonly #ms: Histogram<'success'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#requested = new Counter({
      registers,
      name: 'kubelet_container_requested_resizes_total',
      help: "Number of requested resizes, counted at the container level. Different resources on the same container are counted separately. The 'requirement' label refers to 'memory' or 'limits'; the 'operation' label can be one of 'add', 'remove', 'increase' or 'decrease'.",
      labelNames: ['resource', 'requirement', 'operation'],
    });
    this.#infeasible = new Counter({
      registers,
      name: 'kubelet_pod_infeasible_resizes_total',
      help: 'Number of infeasible resizes for pods.',
      labelNames: ['reason_detail'],
    });
    this.#accepted = new Counter({
      registers,
      name: 'kubelet_pod_deferred_accepted_resizes_total',
      help: 'Cumulative number of resizes that were accepted after being deferred.',
      labelNames: ['retry_trigger'],
    });
    this.#ms = new Histogram({
      registers,
      name: 'kubelet_pod_resize_duration_milliseconds',
      help: 'Duration in milliseconds to actuate a pod resize',
      buckets: durationBuckets,
      labelNames: ['success'],
    });
  }

  /** The object of a pod has changed: each amount that is another one now counts. */
  changed(pod: Pod, old: Pod): void {
    const now = new Map(resizable(pod).map((container) => [container.name, container]));
    for (const before of resizable(old)) {
      const container = now.get(before.name);
      if (container === undefined) continue;
      for (const resource of ['memory', 'cpu'])
        for (const requirement of ['requests', 'limits'] as const) {
          const operation = operationOf(
            amount(container, requirement, resource),
            amount(before, requirement, resource),
          );
          if (operation !== undefined) this.#requested.inc({resource, requirement, operation});
        }
    }
  }

  infeasible(detail: InfeasibleDetail): void {
    this.#infeasible.inc({reason_detail: detail});
  }

  /** A resize that had been deferred was agreed to. */
  accepted(trigger: ResizeTrigger): void {
    this.#accepted.inc({retry_trigger: trigger});
  }

  done(success: boolean, ms: number): void {
    this.#ms.observe({success: String(success)}, ms);
  }
}

function resizable({spec}: Pod): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

function amount({resources}: Container, requirement: 'requests' | 'limits', resource: string): bigint {
  return parseQuantity(resources?.[requirement]?.[resource] ?? '0') ?? 0n;
}

function operationOf(to: bigint, from: bigint): 'add' | 'remove' | 'increase' | 'decrease' | undefined {
  if (to === from) return undefined;
  if (to === 0n) return 'remove';
  if (from === 0n) return 'add';
  return to > from ? 'increase' : 'decrease';
}
