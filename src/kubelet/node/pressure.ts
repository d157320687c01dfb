import type {HostFacts} from '../../edges/host-facts.ts';
import {threshold} from './resources.ts';

export type PressureKind = 'memory' | 'disk' | 'pid';
export type Pressure = Readonly<Record<PressureKind, boolean>>;
/** Monotonic milliseconds at which a hard threshold was last crossed. */
export type LastCrossed = Readonly<Partial<Record<PressureKind, number>>>;

export const noPressure: Pressure = {memory: false, disk: false, pid: false};

/** Which kinds of pressure are over their hard thresholds right now. */
export function crossed(facts: HostFacts, hard: Readonly<Record<string, string>>): Pressure {
  const below = (signal: string, available: number, whole: number): boolean =>
    available < threshold(hard[signal], whole);
  const {disk, pids} = facts;
  return {
    memory: below('memory.available', facts.memoryAvailableBytes, facts.memoryBytes),
    disk:
      below('nodefs.available', disk.freeBytes, disk.totalBytes) ||
      // A file system that counts no inodes (btrfs) says 0 of 0.
      (disk.totalInodes > 0 && below('nodefs.inodesFree', disk.freeInodes, disk.totalInodes)),
    pid: below('pid.available', pids.max - pids.used, pids.max),
  };
}

/** A condition stays for the transition period after its last crossing, so that it does not flap. */
export function holdPressure(
  now: Pressure,
  last: LastCrossed,
  nowMs: number,
  transitionMs: number,
): {readonly pressure: Pressure; readonly last: LastCrossed} {
  const next: LastCrossed = {
    ...last,
    ...(now.memory ? {memory: nowMs} : {}),
    ...(now.disk ? {disk: nowMs} : {}),
    ...(now.pid ? {pid: nowMs} : {}),
  };
  const held = (kind: PressureKind): boolean => {
    const atMs = next[kind];
    return atMs !== undefined && nowMs - atMs < transitionMs;
  };
  return {pressure: {memory: held('memory'), disk: held('disk'), pid: held('pid')}, last: next};
}
