import type {DiskSpace} from '../../edges/disk.ts';
import {timestamp} from '../../lib/time.ts';
import type {ContainerUsage, PodUsage, Usage} from './usage.ts';

export type Disks = {readonly node: DiskSpace; readonly images: DiskSpace | undefined};

/** `/stats/summary` (k8s.io/kubelet stats/v1alpha1): what is known; absent fields are unknown, not zero. */
export function summary(nodeName: string, usage: Usage, disks: Disks): object {
  const time = timestamp(usage.timeMs);
  const {host} = usage;
  const fs = diskStats(disks.node, time);
  return {
    node: {
      nodeName,
      startTime: timestamp(host.bootTimeMs),
      cpu: {time, usageCoreNanoSeconds: Math.round(host.cpuSeconds * 1e9)},
      memory: {
        time,
        availableBytes: host.memoryAvailableBytes,
        usageBytes: host.memoryUsageBytes,
        workingSetBytes: host.memoryWorkingSetBytes,
      },
      network: {
        time,
        interfaces: host.network.map(({device, rxBytes, txBytes}) => ({name: device, rxBytes, txBytes})),
      },
      fs,
      runtime: {imageFs: disks.images === undefined ? fs : diskStats(disks.images, time)},
    },
    pods: usage.pods.map((pod) => podStats(pod, disks.node, time)),
  };
}

function diskStats(disk: DiskSpace, time: string): object {
  return {
    time,
    availableBytes: disk.freeBytes,
    capacityBytes: disk.totalBytes,
    usedBytes: disk.totalBytes - disk.freeBytes,
    inodesFree: disk.freeInodes,
    inodes: disk.totalInodes,
    inodesUsed: disk.totalInodes - disk.freeInodes,
  };
}

function podStats(pod: PodUsage, disk: DiskSpace, time: string): object {
  const total = (read: (container: ContainerUsage) => number | undefined): number =>
    pod.containers.reduce((sum, container) => sum + (read(container) ?? 0), 0);
  return {
    podRef: {name: pod.name, namespace: pod.namespace, uid: pod.uid},
    ...(pod.startTime === undefined ? {} : {startTime: pod.startTime}),
    cpu: {
      time,
      ...(pod.containers.every(({nanoCores}) => nanoCores !== undefined)
        ? {usageNanoCores: total(({nanoCores}) => nanoCores)}
        : {}),
      usageCoreNanoSeconds: Math.round(total(({cpuSeconds}) => cpuSeconds) * 1e9),
    },
    memory: {time, workingSetBytes: total(({workingSetBytes}) => workingSetBytes)},
    'ephemeral-storage': {
      time,
      availableBytes: disk.freeBytes,
      capacityBytes: disk.totalBytes,
      usedBytes: total(({layerBytes}) => layerBytes),
    },
    containers: pod.containers.map((container) => containerStats(container, disk)),
  };
}

function containerStats(container: ContainerUsage, disk: DiskSpace): object {
  const time = timestamp(container.timeMs);
  return {
    name: container.name,
    ...(container.startTime === undefined ? {} : {startTime: container.startTime}),
    cpu: {
      time,
      ...(container.nanoCores === undefined ? {} : {usageNanoCores: container.nanoCores}),
      usageCoreNanoSeconds: Math.round(container.cpuSeconds * 1e9),
    },
    memory: {
      time,
      workingSetBytes: container.workingSetBytes,
      ...(container.usageBytes === undefined ? {} : {usageBytes: container.usageBytes}),
      ...(container.rssBytes === undefined ? {} : {rssBytes: container.rssBytes}),
    },
    rootfs: {
      time,
      availableBytes: disk.freeBytes,
      capacityBytes: disk.totalBytes,
      ...(container.layerBytes === undefined ? {} : {usedBytes: container.layerBytes}),
      ...(container.layerInodes === undefined ? {} : {inodesUsed: container.layerInodes}),
    },
  };
}
