import type {Container, Pod} from '../../lib/kubernetes.ts';
import {quantityMilli, quantityValue} from '../../lib/quantity.ts';
import {newestContainer, type PodRuntime, type RuntimeContainer} from '../pod/status/runtime-state.ts';
import type {Allocation, Resources} from './allocation.ts';

export type ResourceName = 'cpu' | 'memory';

/** A container's new limits: the limits of the pod as a whole hold where it has none of its own. */
export type Amounts = {
  readonly cpuRequest: number;
  readonly cpuLimit: number;
  readonly memoryRequest: number;
  readonly memoryLimit: number;
};

export type ContainerUpdate = {
  readonly container: Container;
  readonly id: string;
  readonly now: Amounts;
  readonly wanted: Amounts;
};

/** What of a pod's allocation the runtime has not been told yet. */
export type ResizePlan = {
  /** In this order: what shrinks goes before what grows. */
  readonly cpu: readonly ContainerUpdate[];
  readonly memory: readonly ContainerUpdate[];
  /** The pod's own requests or limits have changed. */
  readonly podLevel: boolean;
  /** Not running, and given something else than before: the pod's cgroup changes before they start. */
  readonly starts: readonly string[];
};

/** Containers that are to be changed while they run (kuberuntime, computePodResizeAction). */
export function resizePlan(pod: Pod, actuated: Allocation | undefined, runtime: PodRuntime): ResizePlan {
  const updates = actuated === undefined ? [] : updatesOf(pod, actuated, runtime);
  return {
    cpu: ordered(updates, 'cpu'),
    memory: ordered(updates, 'memory'),
    podLevel:
      actuated !== undefined &&
      !isEqual(amounts(undefined, pod.spec.resources), amounts(undefined, actuated.pod)),
    starts: actuated === undefined ? [] : startsOf(pod, actuated, runtime),
  };
}

export function isEmpty({cpu, memory, podLevel, starts}: ResizePlan): boolean {
  return cpu.length === 0 && memory.length === 0 && !podLevel && starts.length === 0;
}

/** A running container whose policy wants a restart for what has changed. */
export function needsRestart(pod: Pod, container: Container, actuated: Allocation | undefined): boolean {
  const told = actuated?.containers[container.name];
  if (actuated === undefined || told === undefined) return false;
  const wanted = amounts(pod.spec.resources, container.resources);
  const changed = changesOf(amounts(actuated.pod, told), wanted);
  return changed.some((name) => policyOf(container, name) === 'RestartContainer');
}

/** Nothing that runs differs from what was allocated. */
export function isActuated(pod: Pod, actuated: Allocation, runtime: PodRuntime): boolean {
  const isChanged = (c: Container) => running(runtime, c) !== undefined && needsRestart(pod, c, actuated);
  return isEmpty(resizePlan(pod, actuated, runtime)) && !containersOf(pod).some(isChanged);
}

function containersOf({spec}: Pod): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

function startsOf(pod: Pod, actuated: Allocation, runtime: PodRuntime): string[] {
  return containersOf(pod)
    .filter((container) => {
      const told = actuated.containers[container.name];
      if (told === undefined || running(runtime, container) !== undefined) return false;
      return !isEqual(amounts(actuated.pod, told), amounts(pod.spec.resources, container.resources));
    })
    .map(({name}) => name);
}

function updatesOf(pod: Pod, actuated: Allocation, runtime: PodRuntime): ContainerUpdate[] {
  return containersOf(pod).flatMap((container) => {
    const record = running(runtime, container);
    const told = actuated.containers[container.name];
    if (record === undefined || told === undefined || needsRestart(pod, container, actuated)) return [];
    const wanted = amounts(pod.spec.resources, container.resources);
    const now = amounts(actuated.pod, told);
    return isEqual(now, wanted) ? [] : [{container, id: record.id, now, wanted}];
  });
}

function running(runtime: PodRuntime, {name}: Container): RuntimeContainer | undefined {
  const record = newestContainer(runtime, name);
  return record?.state === 'running' ? record : undefined;
}

function ordered(updates: readonly ContainerUpdate[], name: ResourceName): ContainerUpdate[] {
  return updates
    .filter(({now, wanted}) => changesOf(now, wanted).includes(name))
    .sort((a, b) => Number(grows(a, name)) - Number(grows(b, name)));
}

function grows({now, wanted}: ContainerUpdate, name: ResourceName): boolean {
  const [limit, request] = [`${name}Limit`, `${name}Request`] as const;
  // No limit is the highest one.
  const high = (amount: number) => (amount === 0 ? Number.POSITIVE_INFINITY : amount);
  if (now[limit] !== wanted[limit]) return high(wanted[limit]) > high(now[limit]);
  return wanted[request] > now[request];
}

function changesOf(now: Amounts, wanted: Amounts): ResourceName[] {
  return (['cpu', 'memory'] as const).filter(
    (name) =>
      now[`${name}Limit`] !== wanted[`${name}Limit`] || now[`${name}Request`] !== wanted[`${name}Request`],
  );
}

function policyOf({resizePolicy = []}: Container, name: ResourceName): string {
  return resizePolicy.find(({resourceName}) => resourceName === name)?.restartPolicy ?? 'NotRequired';
}

function amounts(pod: Resources | undefined, own: Resources | undefined): Amounts {
  return {
    cpuRequest: quantityMilli(own?.requests?.cpu),
    cpuLimit: quantityMilli(own?.limits?.cpu) || quantityMilli(pod?.limits?.cpu),
    memoryRequest: quantityValue(own?.requests?.memory),
    memoryLimit: quantityValue(own?.limits?.memory) || quantityValue(pod?.limits?.memory),
  };
}

function isEqual(a: Amounts, b: Amounts): boolean {
  return changesOf(a, b).length === 0;
}
