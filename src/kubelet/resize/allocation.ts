import type {Container, Pod} from '../../lib/kubernetes.ts';
import {parseQuantity} from '../../lib/quantity.ts';

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

/** The pod as if it had asked for what it was given; the same object where there is no difference. */
export function withAllocation(pod: Pod, allocation: Allocation | undefined): Pod {
  if (allocation === undefined || isSameAllocation(allocationOf(pod), allocation)) return pod;
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

export function isSameAllocation(a: Allocation, b: Allocation): boolean {
  const names = new Set([...Object.keys(a.containers), ...Object.keys(b.containers)]);
  return (
    isSameResources(a.pod, b.pod) &&
    [...names].every((name) => isSameResources(a.containers[name], b.containers[name]))
  );
}

const kinds = ['requests', 'limits'] as const;

/** By amounts, not by their spelling. */
export function isSameResources(a: Resources | undefined, b: Resources | undefined): boolean {
  return kinds.every((kind) => {
    const [left, right] = [a?.[kind] ?? {}, b?.[kind] ?? {}];
    const names = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...names].every((name) => amount(left[name]) === amount(right[name]));
  });
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
