import type {
  AllocatableAnswer,
  ContainerDevicesAnswer,
  ContainerMemoryAnswer,
  PodAnswer,
} from '../../edges/pod-resources/server.ts';
import {sorted} from '../../lib/cpu-set.ts';
import type {Container, Pod} from '../../lib/kubernetes.ts';
import type {DeviceUse} from '../devices/types.ts';
import {noNode} from '../devices/types.ts';
import type {ResourceManagers} from '../managers/manager.ts';
import type {MemoryBlock} from '../managers/memory/memory-state.ts';
import {containersOf, endsFirst} from '../managers/types.ts';

/** What the containers of a pod have that is theirs alone (podresources/server_v1.go). */
export function podAnswer(managers: ResourceManagers, pod: Pod): PodAnswer {
  const {name, namespace} = pod.metadata;
  return {
    name,
    namespace,
    containers: containersOf(pod)
      .filter((container) => !endsFirst(pod, container))
      .map((container) => containerAnswer(managers, pod, container)),
  };
}

function containerAnswer(managers: ResourceManagers, {metadata: {uid}}: Pod, {name}: Container) {
  return {
    name,
    devices: managers.devices.usesOf(uid, name).flatMap(devicesOf),
    cpuIds: sorted(managers.cpus.exclusive(uid, name) ?? []),
    memory: managers.memory.blocksOf(uid, name).map(memoryOf),
  };
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
