import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {errno, exists, isMissing, listDirectory} from '../files/files.ts';
import {removeEmptyDirectory} from '../files/host-files.ts';

const mountPoint = '/sys/fs/cgroup';

/** Every hierarchy of this machine: one under cgroup v2, one per controller under v1. */
async function hierarchies(): Promise<string[]> {
  if (await exists(join(mountPoint, 'cgroup.controllers'))) return [mountPoint];
  return (await listDirectory(mountPoint)).map((name) => join(mountPoint, name));
}

/** Names of the cgroups directly in `path`, in whatever hierarchy: a removal may have been cut off after one of them. */
export async function cgroupChildren(path: string): Promise<string[]> {
  const names = await Promise.all((await hierarchies()).map((root) => directoriesIn(join(root, path))));
  return [...new Set(names.flat())];
}

async function directoriesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, {withFileTypes: true}).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map(({name}) => name);
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

/** Ends every process in a cgroup and in those in it, whatever it is doing. */
export async function killCgroup(path: string): Promise<void> {
  const found = await Promise.all((await hierarchies()).map((root) => pidsBelow(join(root, path))));
  for (const pid of new Set(found.flat())) killOne(pid);
}

async function pidsBelow(path: string): Promise<number[]> {
  const text = await readFile(join(path, 'cgroup.procs'), 'utf8').catch(() => '');
  const own = text.split('\n').filter(Boolean).map(Number);
  const entries = await readdir(path, {withFileTypes: true}).catch(() => []);
  const inner = entries.filter((entry) => entry.isDirectory()).map(({name}) => pidsBelow(join(path, name)));
  return [...own, ...(await Promise.all(inner)).flat()];
}

/** 0 stands for a process outside of what this pid namespace can see. */
function killOne(pid: number): void {
  if (pid <= 1) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errno(error) !== 'ESRCH') throw error;
  }
}

/** Nearly always nothing is in it any more, in any of a dozen hierarchies: that is tried before anything is read. */
async function removeBelow(path: string): Promise<boolean> {
  if (await removeEmptyDirectory(path)) return true;
  const inner = await directoriesIn(path);
  for (const name of inner) await removeBelow(join(path, name));
  return inner.length > 0 && removeEmptyDirectory(path);
}
