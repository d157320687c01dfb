import type {KubeletConfig} from '../../config/kubelet.ts';
import {qosClass} from '../../config/pod/qos.ts';
import type {Container, Pod} from '../../lib/kubernetes.ts';
import {parseQuantity, quantityValue} from '../../lib/quantity.ts';
import {maySwap} from '../pod/config/resources/memory-rules.ts';
import type {ResourceFacts} from '../pod/config/resources/resources.ts';
import type {InfeasibleDetail} from '../stats/metrics/pods/resize-metrics.ts';
import {type Allocation, withAllocation} from './allocation.ts';

export type Infeasible = {readonly message: string; readonly detail: InfeasibleDetail};

type Policies = Pick<KubeletConfig, 'cpuManagerPolicy' | 'memoryManagerPolicy'>;

/**
 * Why this node can never do what is asked for: what a container may swap is counted from its request when it starts,
 * and exclusive processors and memory cannot change their size (pkg/kubelet/allocation/handlers.go).
 */
export function infeasible(
  pod: Pod,
  allocated: Allocation,
  facts: ResourceFacts,
  {cpuManagerPolicy, memoryManagerPolicy}: Policies,
): Infeasible | undefined {
  const given = withAllocation(pod, allocated);
  if (movesSwap(pod, given, facts))
    return {
      message: 'In-place resize of containers with swap is not supported.',
      detail: 'swap_limitation',
    };
  if (qosClass(pod.spec) !== 'Guaranteed') return undefined;
  const words = (manager: string, policy: string) =>
    `Resize is infeasible for Guaranteed Pods alongside ${manager} Manager policy "${policy}"`;
  if (cpuManagerPolicy === 'static' && changes(pod, given, 'cpu'))
    return {
      message: words('CPU', cpuManagerPolicy),
      detail: 'guaranteed_pod_cpu_manager_static_policy',
    };
  if (memoryManagerPolicy === 'Static' && changes(pod, given, 'memory'))
    return {
      message: words('Memory', memoryManagerPolicy),
      detail: 'guaranteed_pod_memory_manager_static_policy',
    };
  return undefined;
}

function movesSwap(pod: Pod, given: Pod, facts: ResourceFacts): boolean {
  return pairs(pod, given).some(([wanted, before]) => {
    const [to, from] = [wanted, before].map(({resources}) => quantityValue(resources?.requests?.memory));
    if (to === from || restartsForMemory(before)) return false;
    return maySwap(pod, wanted, facts) || maySwap(given, before, facts);
  });
}

function restartsForMemory({resizePolicy = []}: Container): boolean {
  const memory = resizePolicy.find(({resourceName}) => resourceName === 'memory');
  return memory?.restartPolicy === 'RestartContainer';
}

function changes(pod: Pod, given: Pod, name: 'cpu' | 'memory'): boolean {
  const amount = ({resources}: Container) => parseQuantity(resources?.requests?.[name] ?? '0');
  return pairs(pod, given).some(([wanted, before]) => amount(wanted) !== amount(before));
}

/** Each container as it is wanted, and as it was given. */
function pairs(pod: Pod, given: Pod): (readonly [Container, Container])[] {
  const listed = ({spec}: Pod) => [...(spec.initContainers ?? []), ...spec.containers];
  const before = new Map(listed(given).map((container) => [container.name, container]));
  return listed(pod).map((wanted) => [wanted, before.get(wanted.name) ?? wanted]);
}
