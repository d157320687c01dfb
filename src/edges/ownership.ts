import type {Stats} from 'node:fs';
import * as fs from 'node:fs/promises';
import {join} from 'node:path';

export type GroupOwnership = {
  readonly fsGroup: number;
  /** The group may read only. */
  readonly readOnly: boolean;
};

const readWrite = 0o660;
const readOnlyMask = 0o440;
const traverse = 0o110;
const setgid = 0o2000;

/** Gives a tree to a group, contents first, the root last (pkg/volume/volume_linux.go); links are not followed. */
export async function setGroupOwnership(path: string, how: GroupOwnership): Promise<void> {
  const stats = await fs.lstat(path);
  if (stats.isDirectory())
    for (const name of await fs.readdir(path)) await setGroupOwnership(join(path, name), how);
  await fs.lchown(path, -1, how.fsGroup);
  // A chmod would go through a link to what it points at.
  if (!stats.isSymbolicLink()) await fs.chmod(path, (stats.mode & 0o7777) | maskOf(stats, how));
}

/** Whether the root of a volume shows that its tree was not given to the group yet. */
export async function needsGroupOwnership(path: string, how: GroupOwnership): Promise<boolean> {
  const stats = await fs.lstat(path);
  const mask = maskOf(stats, how);
  return stats.gid !== how.fsGroup || (stats.mode & mask) !== mask;
}

function maskOf(stats: Stats, {readOnly}: GroupOwnership): number {
  return (readOnly ? readOnlyMask : readWrite) | (stats.isDirectory() ? setgid | traverse : 0);
}
