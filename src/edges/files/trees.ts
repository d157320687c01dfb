import {constants} from 'node:fs';
import * as fs from 'node:fs/promises';
import {join} from 'node:path';
import {mountsBelow, readMounts} from '../mounts/mounts.ts';
import {errno, isExisting, isMissing} from './files.ts';

export type FileType = 'directory' | 'file' | 'socket' | 'character device' | 'block device' | 'other';

/** Makes a directory with exactly this mode, whatever the umask; parents are made as needed. True when it is new. */
export async function ensureDirectory(path: string, mode: number, parentMode = 0o750): Promise<boolean> {
  let isNew = await makeOne(path);
  if (isNew === undefined) {
    await fs.mkdir(join(path, '..'), {recursive: true, mode: parentMode});
    isNew = await makeOne(path);
    if (isNew === undefined) throw new Error(`${path} could not be made: its parent went away`);
  }
  if (isNew) await fs.chmod(path, mode);
  return isNew;
}

/** Gives a place of ours that mode, unless it has it. */
export async function ensureMode(path: string, mode: number): Promise<void> {
  if (((await fs.lstat(path)).mode & 0o777) !== mode) await fs.chmod(path, mode);
}

/** False: it is there; undefined: its parent is not. */
async function makeOne(path: string): Promise<boolean | undefined> {
  try {
    await fs.mkdir(path);
    return true;
  } catch (error) {
    if (isExisting(error)) return false;
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What a path is, links followed; undefined when there is nothing. */
export async function fileType(path: string): Promise<FileType | undefined> {
  try {
    const stats = await fs.stat(path);
    if (stats.isDirectory()) return 'directory';
    if (stats.isFile()) return 'file';
    if (stats.isSocket()) return 'socket';
    if (stats.isCharacterDevice()) return 'character device';
    return stats.isBlockDevice() ? 'block device' : 'other';
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Where a path leads once every link in it is followed. */
export async function realPath(path: string): Promise<string> {
  return fs.realpath(path);
}

/** An empty file of that mode; one that is there already is kept as it is. */
export async function ensureFile(path: string, mode: number): Promise<void> {
  try {
    const handle = await fs.open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, mode);
    await handle.chmod(mode).finally(() => handle.close());
  } catch (error) {
    if (!isExisting(error)) throw error;
  }
}

/**
 * Removes a tree that nothing is mounted in: neither a mount nor another file system is ever entered.
 * @throws when there is a mount in it
 */
export async function removeTree(path: string): Promise<void> {
  try {
    const stats = await fs.lstat(path);
    const live = mountsBelow(await readMounts(path), path);
    if (live.length > 0) throw busy(`not removing ${path}: ${live.join(', ')} is still mounted`);
    await remove(path, stats.isDirectory(), stats.dev);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function busy(message: string): Error {
  return Object.assign(new Error(message), {code: 'EBUSY'});
}

/** What a directory lists of itself is believed: each pod leaves a dozen files and directories, and each call counts. */
async function remove(path: string, isDirectory: boolean, dev: number): Promise<void> {
  if (!isDirectory) return fs.unlink(path);
  // Whatever the list of mounts has said: rmdir(2) tells a mount (EBUSY), a bind of the same file system too, from a
  // directory with content (ENOTEMPTY) before anything in it is touched.
  try {
    return await fs.rmdir(path);
  } catch (error) {
    if (errno(error) !== 'ENOTEMPTY' && errno(error) !== 'EEXIST') throw error;
  }
  const stats = await fs.lstat(path);
  if (!stats.isDirectory() || stats.dev !== dev) throw new Error(`not removing ${path}: another file system`);
  for (const entry of await fs.readdir(path, {withFileTypes: true}))
    await remove(join(path, entry.name), entry.isDirectory(), dev);
  return fs.rmdir(path);
}
