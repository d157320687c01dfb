import type {Container, Pod} from '../../lib/kubernetes.ts';
import {parseQuantity, quantityMilli, quantityValue} from '../../lib/quantity.ts';
import {podRequests} from '../pod/config/resources/pod-resources.ts';

export type Resources = NonNullable<Container['resources']>;

/** cpu and memory of a pod at one moment: of the pod as a whole where it says so, and of each container. */
export type Allocation = {
  readonly pod?: Resources;
  readonly containers: Readonly<Record<string, Resources>>;
};

/**
 * What the kubelet has agreed to (`allocated`), and what it has last told the runtime (`actuated`). The object's spec
 * is what somebody wants (KEP-1287).
 */
export type ResourceRecord = {readonly allocated: Allocation; readonly actuated: Allocation};

export function allocationOf({spec}: Pod): Allocation {
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  return {
    ...(spec.resources === undefined ? {} : {pod: spec.resources}),
    containers: Object.fromEntries(all.map(({name, resources}) => [name, resources ?? {}])),
  };
}

/** What was found for an object is found again: each new pod is judged beside all others. */
const givenTo = new WeakMap<Pod, {readonly allocation: Allocation; readonly given: Pod}>();

/** The pod as if it had asked for what it was given; the same object where there is no difference. */
export function withAllocation(pod: Pod, allocation: Allocation | undefined): Pod {
  if (allocation === undefined) return pod;
  const known = givenTo.get(pod);
  if (known?.allocation === allocation) return known.given;
  const given = allocated(pod, allocation);
  givenTo.set(pod, {allocation, given});
  return given;
}

function allocated(pod: Pod, allocation: Allocation): Pod {
  if (isSameAllocation(allocationOf(pod), allocation)) return pod;
  const given = <T extends Container>(container: T): T => {
    const resources = allocation.containers[container.name];
    return resources === undefined ? container : {...container, resources};
  };
  const {resources: _, ...spec} = pod.spec;
  return {
    ...pod,
    spec: {
      ...spec,
      ...(allocation.pod === undefined ? {} : {resources: allocation.pod}),
      containers: pod.spec.containers.map(given),
      ...(spec.initContainers === undefined ? {} : {initContainers: spec.initContainers.map(given)}),
    },
  };
}

/** Whether the pod as a whole asks for more than it was given (allocation_manager.go, isResizeIncreasingRequests). */
export function wantsMore(pod: Pod, given: Allocation | undefined): boolean {
  const before = podRequests(withAllocation(pod, given).spec, {overhead: true});
  const now = podRequests(pod.spec, {overhead: true});
  return (
    quantityMilli(now.cpu) > quantityMilli(before.cpu) ||
    quantityValue(now.memory) > quantityValue(before.memory)
  );
}

export function isSameAllocation(a: Allocation, b: Allocation): boolean {
  const isSame = (name: string) => isSameResources(a.containers[name], b.containers[name]);
  return (
    isSameResources(a.pod, b.pod) &&
    Object.keys(a.containers).every(isSame) &&
    Object.keys(b.containers).every((name) => name in a.containers || isSame(name))
  );
}

const kinds = ['requests', 'limits'] as const;

/** By amounts, not by their spelling. */
function isSameResources(a: Resources | undefined, b: Resources | undefined): boolean {
  return kinds.every((kind) => {
    const [left, right] = [a?.[kind] ?? nothing, b?.[kind] ?? nothing];
    if (left === right) return true;
    return isWithin(left, right) && isWithin(right, left);
  });
}

const nothing: Readonly<Record<string, string>> = {};

function isWithin(some: Readonly<Record<string, string>>, all: Readonly<Record<string, string>>): boolean {
  return Object.keys(some).every((name) => isSameAmount(some[name], all[name]));
}

function isSameAmount(a: string | undefined, b: string | undefined): boolean {
  return a === b || amount(a) === amount(b);
}

function amount(text: string | undefined): bigint | undefined {
  return text === undefined ? undefined : parseQuantity(text);
}

/** A pod that asks for nothing cannot be resized: that would be another QoS class. */
export function isResizable(pod: Pod): boolean {
  const {pod: whole, containers} = allocationOf(pod);
  return [whole, ...Object.values(containers)].some((resources) =>
    kinds.some((kind) => Object.keys(resources?.[kind] ?? {}).length > 0),
  );
}
