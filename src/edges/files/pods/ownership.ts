import {constants, type Stats} from 'node:fs';
import * as fs from 'node:fs/promises';
import {basename, dirname} from 'node:path';
import {isMissing} from '../files.ts';

export type GroupOwnership = {
  readonly fsGroup: number;
  /** The group may read only. */
  readonly readOnly: boolean;
};

/** Who wants to know how it goes. */
export type OwnershipWatch = {
  /** One more file, directory or link is as it should be, or as far as it can be. */
  visited(): void;
  /** The file system did not let it happen. */
  refused(path: string, error: unknown): void;
};

const nobody: OwnershipWatch = {visited: () => undefined, refused: () => undefined};

const readWrite = 0o660;
const readOnlyMask = 0o440;
const traverse = 0o110;
const setgid = 0o2000;
/** O_PATH of <fcntl.h>: the place itself, whatever is there, and never what a link in it points at. */
const here = 0o10000000 | constants.O_NOFOLLOW;

/**
 * Gives a tree to a group, contents first, the root last (pkg/volume/volume_linux.go). Everything is reached by the
 * handle of its directory: pods that write to the volume meanwhile cannot lead a change out of it by a link.
 */
export async function setGroupOwnership(
  path: string,
  how: GroupOwnership,
  watch: OwnershipWatch = nobody,
): Promise<void> {
  const handle = await fs.open(path, here);
  try {
    await setOne(handle, how, watch);
  } finally {
    await handle.close();
  }
}

async function setOne(handle: fs.FileHandle, how: GroupOwnership, watch: OwnershipWatch): Promise<void> {
  const self = `/proc/self/fd/${handle.fd}`;
  const stats = await handle.stat();
  if (stats.isDirectory())
    for (const name of await fs.readdir(self)) await setEntry(`${self}/${name}`, how, watch);
  watch.visited();
  if (stats.gid === how.fsGroup && has(stats, how)) return;
  const name = () => fs.readlink(self);
  await asFarAsGiven(fs.chown(self, -1, how.fsGroup), name, watch);
  // After the chown, which takes setgid away from files.
  await asFarAsGiven(fs.chmod(self, (stats.mode & 0o7777) | maskOf(stats, how)), name, watch);
}

/**
 * A file system may refuse (root is squashed on an export, a file is immutable, all of it is read-only): the pod
 * starts all the same and gets what its own user may have (changeFilePermission only logs it).
 */
async function asFarAsGiven(
  change: Promise<void>,
  name: () => Promise<string>,
  watch: OwnershipWatch,
): Promise<void> {
  try {
    await change;
  } catch (error) {
    watch.refused(await name(), error);
  }
}

/** What has gone meanwhile needs no group. */
async function setEntry(path: string, how: GroupOwnership, watch: OwnershipWatch): Promise<void> {
  try {
    const stats = await fs.lstat(path);
    const isLink = stats.isSymbolicLink();
    // Most files of a volume that was given away before are as they should be.
    const isDone = !stats.isDirectory() && stats.gid === how.fsGroup && (isLink || has(stats, how));
    if (!isLink && !isDone) return await setGroupOwnership(path, how, watch);
    watch.visited();
    if (isDone) return;
    const name = async () => `${await fs.readlink(dirname(path))}/${basename(path)}`;
    await asFarAsGiven(fs.lchown(path, -1, how.fsGroup), name, watch);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Whether the root of a volume shows that its tree was not given to the group yet. */
export async function needsGroupOwnership(path: string, how: GroupOwnership): Promise<boolean> {
  const stats = await fs.lstat(path);
  return stats.gid !== how.fsGroup || !has(stats, how);
}

function has(stats: Stats, how: GroupOwnership): boolean {
  const mask = maskOf(stats, how);
  return (stats.mode & mask) === mask;
}

function maskOf(stats: Stats, {readOnly}: GroupOwnership): number {
  return (readOnly ? readOnlyMask : readWrite) | (stats.isDirectory() ? setgid | traverse : 0);
}
