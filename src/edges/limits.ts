import {watch} from 'node:fs';
import {errno} from './files.ts';
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

/** Tracked connections and their bound; undefined where connections are not tracked. */
export async function readConntrack(): Promise<{count: number; max: number} | undefined> {
  const [count, max] = await Promise.all([
    readSysctl('net.netfilter.nf_conntrack_count'),
    readSysctl('net.netfilter.nf_conntrack_max'),
  ]);
  return count === undefined || max === undefined ? undefined : {count: Number(count), max: Number(max)};
}
