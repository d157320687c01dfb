import type {MemorySample, PressureSample} from '../../edges/cgroups/cgroup-sample.ts';
import type {NetworkSample} from '../../edges/network/network-sample.ts';
import {timestamp} from '../../lib/time.ts';
import {ephemeralStorage, memoryOf, processesOf} from '../eviction/usage.ts';
import type {
  ContainerStats,
  DiskStats,
  Measured,
  NodeStats,
  PodStats,
  Snapshot,
  SpaceStats,
  Usage,
  VolumeStats,
} from './types.ts';

/** `/stats/summary` (k8s.io/kubelet stats/v1alpha1); what is not known is absent, not zero. */
export function summary(nodeName: string, snapshot: Snapshot, only: {cpuAndMemory: boolean}): object {
  const {node, disks, pods} = snapshot;
  if (only.cpuAndMemory)
    return {
      node: {nodeName, startTime: timestamp(node.bootTimeMs), ...processor(node.root), ...nodeMemory(node)},
      pods: pods.map((pod) => ({...podHead(pod), containers: pod.containers.map(containerHead)})),
    };
  return {
    node: {
      nodeName,
      startTime: timestamp(node.bootTimeMs),
      systemContainers: [...node.system].map(([name, measured]) => ({
        name,
        startTime: timestamp(node.bootTimeMs),
        ...processor(measured),
        ...memory(measured, measured.sample.limits.memoryBytes),
      })),
      ...processor(node.root),
      ...nodeMemory(node),
      ...io(node.root),
      network: network(node.network, node.root.timeMs),
      fs: fileSystem(disks.node, disks),
      runtime: {
        imageFs: fileSystem(disks.images ?? disks.node, disks),
        containerFs: fileSystem(disks.containers ?? disks.node, disks),
      },
      rlimit: {time: timestamp(snapshot.timeMs), maxpid: node.pids.max, curproc: node.pids.running},
    },
    pods: pods.map((pod) => podStats(pod, disks)),
  };
}

function nodeMemory({root, memoryCapacityBytes, swapCapacityBytes}: NodeStats): object {
  const swapUsageBytes = root.sample.memory?.swapBytes ?? 0;
  return {
    ...memory(root, memoryCapacityBytes),
    swap: {
      time: timestamp(root.timeMs),
      swapAvailableBytes: Math.max(0, swapCapacityBytes - swapUsageBytes),
      swapUsageBytes,
    },
  };
}

function podHead(pod: PodStats): object {
  const {name, namespace, uid, startTime, measured} = pod;
  return {
    podRef: {name, namespace, uid},
    ...(startTime === undefined ? {} : {startTime}),
    ...(measured === undefined
      ? summed(pod)
      : {
          ...processor(measured),
          ...memory(measured, measured.sample.limits.memoryBytes),
          ...swap(measured),
        }),
  };
}

/** Where the pod's own cgroup is not known, what its containers use together. */
function summed(pod: PodStats): object {
  const [first] = pod.containers.flatMap(({measured}) => measured ?? []);
  if (first === undefined) return {};
  const time = timestamp(first.timeMs);
  const total = (read: (measured: Measured) => number | undefined) =>
    pod.containers.reduce((sum, {measured}) => sum + ((measured && read(measured)) ?? 0), 0);
  return {
    cpu: {
      time,
      usageNanoCores: total(({nanoCores}) => nanoCores),
      usageCoreNanoSeconds: total(({sample}) => sample.cpu?.usageNs),
    },
    memory: {time, workingSetBytes: memoryOf(pod)},
  };
}

function podStats(pod: PodStats, disks: DiskStats): object {
  const used = ephemeralStorage(pod);
  const {measured, network: interfaces, volumes, containers} = pod;
  return {
    ...podHead(pod),
    ...(measured === undefined ? {} : io(measured)),
    containers: containers.map((container) => containerStats(container, disks)),
    ...(interfaces === undefined ? {} : {network: network(interfaces, measured?.timeMs ?? disks.timeMs)}),
    ...(volumes.length === 0 ? {} : {volume: volumes.map((volume) => volumeStats(volume, pod, disks))}),
    'ephemeral-storage': part(disks.node, used, disks.timeMs),
    process_stats: {process_count: processesOf(pod)},
  };
}

function containerHead({name, startedAtMs, measured}: ContainerStats): object {
  return {
    name,
    startTime: timestamp(startedAtMs),
    ...(measured === undefined
      ? {}
      : {
          ...processor(measured),
          ...memory(measured, measured.sample.limits.memoryBytes),
          ...swap(measured),
        }),
  };
}

function containerStats(container: ContainerStats, disks: DiskStats): object {
  const {measured, rootfs, logs} = container;
  return {
    ...containerHead(container),
    ...(measured === undefined ? {} : io(measured)),
    ...(rootfs === undefined ? {} : {rootfs: part(disks.containers ?? disks.node, rootfs, disks.timeMs)}),
    ...(logs === undefined ? {} : {logs: part(disks.node, logs, disks.timeMs)}),
  };
}

function processor({timeMs, sample, nanoCores}: Measured): object {
  if (sample.cpu === undefined) return {};
  return {
    cpu: {
      time: timestamp(timeMs),
      ...(nanoCores === undefined ? {} : {usageNanoCores: nanoCores}),
      usageCoreNanoSeconds: sample.cpu.usageNs,
      ...stalls(sample.pressure?.cpu),
    },
  };
}

function memory({timeMs, sample}: Measured, limitBytes: number | undefined): object {
  const found: MemorySample | undefined = sample.memory;
  if (found === undefined) return {};
  return {
    memory: {
      time: timestamp(timeMs),
      ...(limitBytes === undefined ? {} : {availableBytes: Math.max(0, limitBytes - found.workingSetBytes)}),
      usageBytes: found.usageBytes,
      workingSetBytes: found.workingSetBytes,
      rssBytes: found.rssBytes,
      pageFaults: found.pageFaults,
      majorPageFaults: found.majorPageFaults,
      ...stalls(sample.pressure?.memory),
    },
  };
}

function swap({timeMs, sample}: Measured): object {
  const {memory: found, limits} = sample;
  if (found === undefined) return {};
  const available =
    limits.swapBytes === undefined
      ? {}
      : {swapAvailableBytes: Math.max(0, limits.swapBytes - found.swapBytes)};
  return {swap: {time: timestamp(timeMs), ...available, swapUsageBytes: found.swapBytes}};
}

function io({timeMs, sample}: Measured): object {
  return sample.pressure?.io === undefined
    ? {}
    : {io: {time: timestamp(timeMs), ...stalls(sample.pressure.io)}};
}

function stalls(pressure: PressureSample | undefined): object {
  if (pressure === undefined) return {};
  const line = ({totalUs, ...averages}: PressureSample['some']) => ({total: totalUs * 1000, ...averages});
  return {psi: {full: line(pressure.full), some: line(pressure.some)}};
}

/** The first interface is told twice: as the one that pods usually have. */
function network(samples: readonly NetworkSample[], timeMs: number): object {
  const interfaces = samples.map(({name, rxBytes, rxErrors, txBytes, txErrors}) => ({
    name,
    rxBytes,
    rxErrors,
    txBytes,
    txErrors,
  }));
  const main = interfaces.find(({name}) => name === 'eth0');
  return {time: timestamp(timeMs), ...(main ?? {name: ''}), interfaces};
}

function fileSystem(space: SpaceStats, {timeMs}: DiskStats): object {
  return part(space, space, timeMs);
}

function part(space: SpaceStats, {usedBytes, inodesUsed}: Usage, timeMs: number): object {
  const {availableBytes, capacityBytes, inodes, inodesFree} = space;
  return {
    time: timestamp(timeMs),
    availableBytes,
    capacityBytes,
    usedBytes,
    inodesFree,
    inodes,
    inodesUsed,
  };
}

function volumeStats(
  {name, claim, ephemeral: _, abnormal, ...usage}: VolumeStats,
  {namespace}: PodStats,
  {timeMs}: DiskStats,
): object {
  return {
    time: timestamp(timeMs),
    ...usage,
    name,
    ...(claim === undefined ? {} : {pvcRef: {name: claim, namespace}}),
    ...(abnormal === undefined ? {} : {volumeHealthStats: {abnormal}}),
  };
}
