import {watch} from 'node:fs';
import {errno, readText} from '../files/files.ts';
import {readPids} from './host-facts.ts';
import {readSysctl} from './sysctl.ts';

/** Whether this user can still watch a file: inotify instances and watches are counted per user. */
export function probeInotify(): 'ok' | 'instances' | 'watches' {
  try {
    watch('/proc/self').close();
    return 'ok';
  } catch (error) {
    if (errno(error) === 'EMFILE') return 'instances';
    if (errno(error) === 'ENOSPC') return 'watches';
    throw error;
  }
}

export type Bound = {readonly used: number; readonly max: number};

/** Processes and threads: of the kernel, and of the cgroup that this machine is, where it is one (a container). */
export async function readPidBounds(): Promise<readonly Bound[]> {
  const kernel = await readPids();
  for (const root of ['/sys/fs/cgroup', '/sys/fs/cgroup/pids']) {
    const [used, max] = await Promise.all([readText(`${root}/pids.current`), readText(`${root}/pids.max`)]);
    // `max` is none.
    if (used !== undefined && Number(max) > 0) return [{used: Number(used), max: Number(max)}, kernel];
  }
  return [kernel];
}

/** Tracked connections and their bound; undefined where connections are not tracked. */
export async function readConntrack(): Promise<{count: number; max: number} | undefined> {
  const [count, max] = await Promise.all([
    readSysctl('net.netfilter.nf_conntrack_count'),
    readSysctl('net.netfilter.nf_conntrack_max'),
  ]);
  return count === undefined || max === undefined ? undefined : {count: Number(count), max: Number(max)};
}
