import {createHash} from 'node:crypto';
import {constants} from 'node:fs';
import * as fs from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {exists, isExisting, isMissing, listDirectory, removeFile} from './files.ts';

/** What lies at a path, without following a link. */
export type PathState =
  | {readonly kind: 'absent' | 'other'}
  | {readonly kind: 'directory'; readonly mode: number}
  | {readonly kind: 'link'; readonly to: string}
  | {
      readonly kind: 'file';
      readonly content: Uint8Array;
      readonly sha256: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Only to recognise a package's own configuration file: dpkg records MD5. */
export function md5(content: Uint8Array): string {
  return createHash('md5').update(content).digest('hex');
}

export async function pathState(path: string): Promise<PathState> {
  try {
    const found = await fs.lstat(path);
    const mode = found.mode & 0o7777;
    if (found.isSymbolicLink()) return {kind: 'link', to: await fs.readlink(path)};
    if (found.isDirectory()) return {kind: 'directory', mode};
    if (!found.isFile()) return {kind: 'other'};
    const content = await fs.readFile(path);
    return {kind: 'file', content, sha256: sha256(content), mode, uid: found.uid, gid: found.gid};
  } catch (error) {
    if (isMissing(error)) return {kind: 'absent'};
    throw error;
  }
}

/** The directories that must be made for `path` to be a directory, outermost first. */
export async function missingDirectories(path: string): Promise<string[]> {
  const missing: string[] = [];
  for (let at = path; at !== '/' && !(await exists(at)); at = dirname(at)) missing.unshift(at);
  return missing;
}

/** Its parent exists; an existing directory gets the mode. */
export async function makeOneDirectory(path: string, mode: number): Promise<void> {
  await fs.mkdir(path, {mode}).catch((error: unknown) => {
    if (!isExisting(error)) throw error;
  });
  await fs.chmod(path, mode);
}

export async function restoreOwner(path: string, uid: number, gid: number): Promise<void> {
  await fs.chown(path, uid, gid);
}

/** Of a directory that may be gone. */
export async function restoreMode(path: string, mode: number): Promise<void> {
  if (await exists(path)) await fs.chmod(path, mode);
}

/** False when it is not empty; an absent one is fine. */
export async function removeEmptyDirectory(path: string): Promise<boolean> {
  try {
    await fs.rmdir(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return true;
    if (
      error instanceof Error &&
      'code' in error &&
      ['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(String(error.code))
    )
      return false;
    throw error;
  }
}

/** Everything below, and itself unless `keep`; links are removed, never followed. The caller has unmounted all. */
export async function removeTree(path: string, except: readonly string[], keep: boolean): Promise<void> {
  for (const name of await listDirectory(path))
    if (!except.includes(name)) await fs.rm(join(path, name), {recursive: true, force: true});
  if (!keep) await removeEmptyDirectory(path);
}

/** A large file (our own binary) to its place by one rename, executable, with the time of its origin. */
export async function copyProgram(from: string, to: string): Promise<void> {
  const temporary = join(dirname(to), `.${process.pid}.copy.tmp`);
  try {
    await fs.copyFile(from, temporary, constants.COPYFILE_FICLONE);
    await fs.chmod(temporary, 0o755);
    const {atime, mtime} = await fs.stat(from);
    await fs.utimes(temporary, atime, mtime);
    const handle = await fs.open(temporary, 'r');
    await handle.sync();
    await handle.close();
    await fs.rename(temporary, to);
  } catch (error) {
    await removeFile(temporary).catch(() => undefined);
    throw error;
  }
}

export async function makeExecutable(path: string): Promise<void> {
  await fs.chmod(path, 0o755);
}

/** Tells versions of a program apart by size and time: nobody wants to read 100 MB for it. */
export async function fileStamp(path: string): Promise<string | undefined> {
  try {
    const {size, mtimeMs} = await fs.stat(path);
    return `${size}-${Math.floor(mtimeMs / 1000)}`;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
