import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {exists, listDirectory} from './files.ts';
import {removeEmptyDirectory} from './host-files.ts';

const mountPoint = '/sys/fs/cgroup';

/** Every hierarchy of this machine: one under cgroup v2, one per controller under v1. */
async function hierarchies(): Promise<string[]> {
  if (await exists(join(mountPoint, 'cgroup.controllers'))) return [mountPoint];
  return (await listDirectory(mountPoint)).map((name) => join(mountPoint, name));
}

export async function cgroupExists(path: string): Promise<boolean> {
  for (const root of await hierarchies()) if (await exists(join(root, path))) return true;
  return false;
}

/** Removes an empty cgroup and the empty ones in it, in every hierarchy; false when a process still lives there. */
export async function removeCgroup(path: string): Promise<boolean> {
  let gone = true;
  for (const root of await hierarchies()) gone = (await removeBelow(join(root, path))) && gone;
  return gone;
}

async function removeBelow(path: string): Promise<boolean> {
  if (!(await exists(path))) return true;
  const entries = await readdir(path, {withFileTypes: true});
  for (const entry of entries) if (entry.isDirectory()) await removeBelow(join(path, entry.name));
  return removeEmptyDirectory(path);
}
