import {readText} from '../files/files.ts';

/** The cgroup of this process; undefined where it is the root, which belongs to nobody alone. */
export async function ownCgroup(): Promise<string | undefined> {
  return parseOwnCgroup((await readText('/proc/self/cgroup')) ?? '');
}

/** `0::/system.slice/x.service` on v2; on v1 the memory controller's line tells. */
export function parseOwnCgroup(text: string): string | undefined {
  const lines = text.split('\n').map((line) => line.split(':'));
  const memory = lines.find(([, controllers]) => controllers?.split(',').includes('memory'));
  const path = (memory ?? lines.find(([id]) => id === '0'))?.slice(2).join(':') ?? '/';
  return path === '/' || path.startsWith('/..') ? undefined : path;
}
