import {constants} from 'node:fs';
import * as fs from 'node:fs/promises';
import {dirname, join} from 'node:path';

/** What a file operation's failure means to callers; the raw error stays reachable as it is. */
export function isMissing(error: unknown): boolean {
  return errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR';
}

export function isExisting(error: unknown): boolean {
  return errno(error) === 'EEXIST';
}

export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errno(error) ?? '');
}

export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The text of a file, or undefined when there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await fs.readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    // A directory is opened, and refuses to be read without its name.
    throw errno(error) === 'EISDIR'
      ? Object.assign(new Error(`EISDIR: ${path} is a directory`), {code: 'EISDIR', path})
      : error;
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await fs.lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Whether what lies there, or would, is on a file system mounted read-only; root may write everywhere else. */
export async function isReadOnly(path: string): Promise<boolean> {
  try {
    await fs.access(path, constants.W_OK);
    return false;
  } catch (error) {
    if (isMissing(error) && path !== '/') return isReadOnly(dirname(path));
    return errno(error) === 'EROFS';
  }
}

/** Names in a directory, sorted; empty when there is none. */
export async function listDirectory(path: string): Promise<string[]> {
  try {
    return (await fs.readdir(path)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/**
 * Paths of the regular files in a directory, in the order of their names, but for hidden ones; of a file its own path.
 * Links are followed. Nothing where there is nothing.
 */
export async function regularFiles(path: string): Promise<string[]> {
  const isRegular = async (one: string) => (await fs.stat(one).catch(() => undefined))?.isFile() === true;
  if (await isRegular(path)) return [path];
  const names = (await listDirectory(path)).filter((name) => !name.startsWith('.'));
  const paths = await Promise.all(
    names.map(async (name) => ((await isRegular(join(path, name))) ? [join(path, name)] : [])),
  );
  return paths.flat();
}

/**
 * Paths of all that is no directory in a directory and those below it, each directory in the order of its names; links
 * are not followed. @throws when there is none
 */
export async function listTree(path: string): Promise<string[]> {
  const entries = await fs.readdir(path, {withFileTypes: true});
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const found = entries.map(async (entry) => {
    const own = join(path, entry.name);
    return entry.isDirectory() ? listTree(own) : [own];
  });
  return (await Promise.all(found)).flat();
}

/** Removes one file or symlink; an absent one is fine. Never follows a link, never recurses. */
export async function removeFile(path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/**
 * Replaces a file so that a crash leaves the old or the new content, never half:
 * temporary file beside it → fsync → rename → fsync of the directory.
 */
export async function writeAtomic(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`);
  try {
    const handle = await fs.open(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await removeFile(temporary).catch(() => undefined);
    throw naming(path, temporary, error);
  }
  await syncDirectory(dirname(path));
}

/** Who reads of it knows nothing of the draft beside the file. */
function naming(path: string, temporary: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const of = 'path' in error && error.path === temporary ? {path} : {};
  return Object.assign(error, {message: error.message.replaceAll(temporary, path), ...of});
}

/** As `writeAtomic`, but what a power failure takes is lost: for what is worth nothing after the next boot. */
export async function writeVolatile(path: string, content: string, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`);
  try {
    await fs.writeFile(temporary, content, {mode, flag: 'wx'});
    await fs.rename(temporary, path);
  } catch (error) {
    await removeFile(temporary).catch(() => undefined);
    throw error;
  }
}

/** Points a symlink at `target` by one rename. */
export async function linkAtomic(path: string, target: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`;
  await fs.symlink(target, temporary);
  try {
    await fs.rename(temporary, path);
  } catch (error) {
    await removeFile(temporary);
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function makeDirectory(path: string, mode = 0o755): Promise<void> {
  await fs.mkdir(path, {recursive: true, mode});
}
