import type {Pod} from '../../lib/kubernetes.ts';
import {isEphemeral, sum} from '../stats/pod-files.ts';
import type {ContainerStats, PodStats, PodStorage, Usage} from '../stats/types.ts';

/** Parts of what a pod stores; on which file system they lie depends on the node. */
export type StoragePart = 'rootfs' | 'logs' | 'volumes';

const none: Usage = {usedBytes: 0, inodesUsed: 0};

export function memoryOf({measured, containers}: PodStats): number {
  const own = measured?.sample.memory?.workingSetBytes;
  return own ?? containers.reduce((total, container) => total + (memoryOfContainer(container) ?? 0), 0);
}

export function memoryOfContainer({measured}: ContainerStats): number | undefined {
  return measured?.sample.memory?.workingSetBytes;
}

export function processesOf({containers}: PodStats): number {
  return containers.reduce((total, {pids}) => total + pids.length, 0);
}

/** What a pod stores in these parts; a hostPath would count, but nobody measures it. */
export function storageOf(pod: Pod, stats: PodStats, parts: readonly StoragePart[]): Usage {
  let total = none;
  for (const {rootfs, logs} of stats.containers) {
    if (parts.includes('rootfs')) total = sum(total, rootfs ?? none);
    if (parts.includes('logs')) total = sum(total, logs ?? none);
  }
  if (!parts.includes('volumes')) return total;
  const local = new Set((pod.spec.volumes ?? []).filter(isEphemeral).map(({name}) => name));
  for (const {name, usedBytes = 0, inodesUsed = 0} of stats.volumes)
    if (local.has(name)) total = sum(total, {usedBytes, inodesUsed});
  return total;
}

/** All of a pod's ephemeral storage, as the summary tells it (calcEphemeralStorage). */
export function ephemeralStorage({containers, volumes, own}: PodStorage): Usage {
  let total = own;
  for (const {rootfs, logs} of containers) total = sum(total, sum(rootfs ?? none, logs ?? none));
  for (const {ephemeral, usedBytes = 0, inodesUsed = 0} of volumes)
    if (ephemeral) total = sum(total, {usedBytes, inodesUsed});
  return total;
}
