import type {
  AllocatableAnswer,
  AlphaPodAnswer,
  ClaimAnswer,
  ContainerDevicesAnswer,
  ContainerMemoryAnswer,
  PodAnswer,
} from '../../edges/pod-resources/server.ts';
import {sorted} from '../../lib/cpu-set.ts';
import type {Container, Pod} from '../../lib/kubernetes.ts';
import type {DeviceUse} from '../devices/types.ts';
import {noNode} from '../devices/types.ts';
import type {DynamicResources} from '../dra/manager.ts';
import type {ClaimRecord} from '../dra/types.ts';
import type {ResourceManagers} from '../managers/manager.ts';
import type {MemoryBlock} from '../managers/memory/memory-state.ts';
import {containersOf, endsFirst} from '../managers/types.ts';

/** What the containers of a pod have that is theirs alone (podresources/server_v1.go). */
export type Holders = {
  readonly managers: ResourceManagers;
  readonly dynamicResources?: Pick<DynamicResources, 'claimsOf'>;
};

export function podAnswer(holders: Holders, pod: Pod): PodAnswer {
  const {name, namespace} = pod.metadata;
  return {
    name,
    namespace,
    containers: containersOf(pod)
      .filter((container) => !endsFirst(pod, container))
      .map((container) => containerAnswer(holders, pod, container)),
  };
}

/** podresources/server_v1alpha1.go. */
export function alphaAnswer({managers}: Holders, {metadata, spec}: Pod): AlphaPodAnswer {
  const {name, namespace, uid} = metadata;
  return {
    name,
    namespace,
    containers: spec.containers.map((container) => ({
      name: container.name,
      devices: managers.devices.usesOf(uid, container.name).flatMap(devicesOf),
    })),
  };
}

function containerAnswer({managers, dynamicResources}: Holders, pod: Pod, container: Container) {
  const {uid} = pod.metadata;
  const {name} = container;
  return {
    name,
    claims: (dynamicResources?.claimsOf(pod, container) ?? []).map(claimAnswer),
    devices: managers.devices.usesOf(uid, name).flatMap(devicesOf),
    cpuIds: sorted(managers.cpus.exclusive(uid, name) ?? []),
    memory: managers.memory.blocksOf(uid, name).map(memoryOf),
  };
}

function claimAnswer({name, namespace, drivers}: ClaimRecord): ClaimAnswer {
  const resources = [...drivers].flatMap(([driver, devices]) =>
    devices.map((device) => ({driver, ...device})),
  );
  return {name, namespace, resources};
}

/** One answer for each device and the nodes it is near to. */
function devicesOf({resource, byNode}: DeviceUse): ContainerDevicesAnswer[] {
  const nodes = new Map<string, number[]>();
  for (const [node, ids] of Object.entries(byNode))
    for (const id of ids)
      nodes.set(id, [...(nodes.get(id) ?? []), ...(node === noNode ? [] : [Number(node)])]);
  return [...nodes].map(([id, near]) => ({resourceName: resource, deviceIds: [id], nodes: near}));
}

function memoryOf({type, size, numaAffinity}: MemoryBlock): ContainerMemoryAnswer {
  return {memoryType: type, size, nodes: numaAffinity};
}

/** All that can be given away on this node, whoever has it now. */
export function allocatableAnswer({devices, cpus, memory}: ResourceManagers): AllocatableAnswer {
  return {
    devices: [...devices.allocatable()].flatMap(([resourceName, list]) =>
      list.map(({id, nodes}) => ({resourceName, deviceIds: [id], nodes})),
    ),
    cpuIds: sorted(cpus.allocatable()),
    memory: memory.allocatable().map(memoryOf),
  };
}
