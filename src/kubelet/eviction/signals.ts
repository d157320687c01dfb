import type {evictionSignals} from '../../config/kubelet/rules/eviction.ts';
import type {PressureKind} from '../node/pressure.ts';
import type {Glance, SpaceStats} from '../stats/types.ts';

export type Signal = (typeof evictionSignals)[number];

export type Observation = {readonly available: number; readonly capacity: number; readonly timeMs: number};
export type Observations = ReadonlyMap<Signal, Observation>;

/** Named as in messages and events. */
export type StarvedResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

export function resourceOf(signal: Signal): StarvedResource {
  if (signal === 'memory.available' || signal === 'allocatableMemory.available') return 'memory';
  if (signal === 'pid.available') return 'pids';
  return signal.endsWith('.inodesFree') ? 'inodes' : 'ephemeral-storage';
}

export function pressureOf(signal: Signal): PressureKind {
  const resource = resourceOf(signal);
  if (resource === 'memory') return 'memory';
  return resource === 'pids' ? 'pid' : 'disk';
}

/** What is left of each; a signal that cannot be told now is absent (makeSignalObservations). */
export function observe({node, disks, timeMs}: Omit<Glance, 'limited'>): Observations {
  const found = new Map<Signal, Observation>();
  const {memory} = node.root.sample;
  if (memory !== undefined) {
    const capacity = node.memoryCapacityBytes;
    const available = Math.max(0, capacity - memory.workingSetBytes);
    found.set('memory.available', {available, capacity, timeMs: node.root.timeMs});
  }
  const pods = node.system.get('pods');
  const limit = pods?.sample.limits.memoryBytes;
  if (pods?.sample.memory !== undefined && limit !== undefined) {
    const available = Math.max(0, limit - pods.sample.memory.workingSetBytes);
    found.set('allocatableMemory.available', {available, capacity: limit, timeMs: pods.timeMs});
  }
  const space = (name: 'nodefs' | 'imagefs' | 'containerfs', stats: SpaceStats | undefined) => {
    if (stats === undefined) return;
    const {availableBytes, capacityBytes, inodes, inodesFree} = stats;
    found.set(`${name}.available`, {
      available: availableBytes,
      capacity: capacityBytes,
      timeMs: disks.timeMs,
    });
    // A file system that counts no inodes (btrfs) says 0 of 0: nothing can be short of them.
    if (inodes > 0)
      found.set(`${name}.inodesFree`, {available: inodesFree, capacity: inodes, timeMs: disks.timeMs});
  };
  space('nodefs', disks.node);
  space('imagefs', disks.images);
  space('containerfs', disks.containers);
  const {max, running} = node.pids;
  found.set('pid.available', {available: max - running, capacity: max, timeMs});
  return found;
}
