import * as fs from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {byThreads, type FileCalls} from '../at-once.ts';
import {errno, isMissing} from '../files.ts';

export type ProjectedFile = {
  readonly data: Uint8Array;
  readonly mode: number;
  /** Owner of the file; root without it. */
  readonly uid?: number;
};

const dataLink = '..data';
const newDataLink = '..data_tmp';
const maxPath = 4096;
const maxName = 255;

/**
 * Makes a directory show exactly `files`, all of them changing at once (pkg/volume/util/atomic_writer.go): the files
 * are in `..<time>`, `..data` points there by one rename, and what users open are links through `..data`.
 * `beforePublish` sets ownership on what is not visible yet; `calls` suit the file system that the directory is on.
 * Only this function may write below `directory`; what it removes are its own links and its own old directory.
 * @returns whether anything changed
 * @throws for paths that are absolute, lead out, or begin with two dots
 */
export async function writeProjection(
  directory: string,
  files: ReadonlyMap<string, ProjectedFile>,
  beforePublish: () => Promise<void> = async () => {},
  calls: FileCalls = byThreads,
): Promise<boolean> {
  const payload = new Map([...files].map(([path, file]) => [cleanPath(path), file]));
  const old = await currentDirectory(directory, calls);
  const isCurrent = old !== undefined && (await isCurrentVersion(join(directory, old), payload));
  if (!isCurrent) await publish(directory, payload, beforePublish, calls);
  await linkVisible(directory, payload, calls);
  await tidy(directory, payload, calls);
  return !isCurrent;
}

/** A relative path without `.`, `..` or empty parts that does not begin with two dots. */
export function cleanPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const [first = ''] = parts;
  if (path.startsWith('/') || first === '' || path.length > maxPath)
    throw new Error(`invalid path: must be relative and not empty: ${path}`);
  if (parts.includes('..') || first.startsWith('..'))
    throw new Error(`invalid path: must not contain or start with '..': ${path}`);
  if (parts.some((part) => Buffer.byteLength(part) > maxName))
    throw new Error(`invalid path: names must have at most ${maxName} bytes: ${path}`);
  return parts.join('/');
}

async function currentDirectory(directory: string, calls: FileCalls): Promise<string | undefined> {
  try {
    return await calls.readlink(join(directory, dataLink));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The content first: where it has changed nothing else needs to be read. */
async function isCurrentVersion(old: string, payload: ReadonlyMap<string, ProjectedFile>): Promise<boolean> {
  return (await isSame(old, payload)) && (await staleNames(old, payload)).length === 0;
}

/** Names in the old version that the new one does not have. */
async function staleNames(old: string, payload: ReadonlyMap<string, ProjectedFile>): Promise<string[]> {
  const wanted = new Set<string>();
  for (const path of payload.keys()) for (let at = path; at !== '.'; at = dirname(at)) wanted.add(at);
  try {
    return (await fs.readdir(old, {recursive: true})).filter((name) => !wanted.has(name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function isSame(old: string, payload: ReadonlyMap<string, ProjectedFile>): Promise<boolean> {
  for (const [path, {data}] of payload)
    try {
      if (!(await fs.readFile(join(old, path))).equals(data)) return false;
    } catch (error) {
      if (isMissing(error) || errno(error) === 'EISDIR') return false;
      throw error;
    }
  return true;
}

async function publish(
  directory: string,
  payload: ReadonlyMap<string, ProjectedFile>,
  beforePublish: () => Promise<void>,
  calls: FileCalls,
): Promise<void> {
  const stamp = new Date().toISOString().slice(0, 19).replace(/[-T:]/g, '_');
  const fresh = await calls.mkdtemp(join(directory, `..${stamp}.`));
  try {
    await calls.chmod(fresh, 0o755);
    for (const [path, file] of payload) await writeOne(join(fresh, path), fresh, file, calls);
    await beforePublish();
    await removeLink(join(directory, newDataLink), calls);
    await calls.symlink(fresh.slice(directory.length + 1), join(directory, newDataLink));
    await calls.rename(join(directory, newDataLink), join(directory, dataLink));
  } catch (error) {
    await fs.rm(fresh, {recursive: true, force: true});
    throw error;
  }
}

/** What a crash has left. */
async function removeLink(path: string, calls: FileCalls): Promise<void> {
  try {
    await calls.unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function writeOne(
  path: string,
  root: string,
  {data, mode, uid}: ProjectedFile,
  calls: FileCalls,
): Promise<void> {
  const parent = dirname(path);
  if (parent !== root) {
    await fs.mkdir(parent, {recursive: true});
    // Whatever this process's umask is.
    for (let at = parent; at !== root; at = dirname(at)) await calls.chmod(at, 0o755);
  }
  await calls.writeFile(path, data, {mode: 0o600, flag: 'wx'});
  await calls.chmod(path, mode);
  if (uid !== undefined) await calls.lchown(path, uid, -1);
}

async function linkVisible(
  directory: string,
  payload: ReadonlyMap<string, ProjectedFile>,
  calls: FileCalls,
): Promise<void> {
  const tops = new Map([...payload].map(([path, {uid}]) => [path.split('/', 1)[0] ?? path, uid]));
  for (const [name, uid] of tops)
    try {
      await calls.symlink(join(dataLink, name), join(directory, name));
      if (uid !== undefined) await calls.lchown(join(directory, name), uid, -1);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
}

/** Removes links and directories of earlier versions, also what a crash has left behind. */
async function tidy(
  directory: string,
  payload: ReadonlyMap<string, ProjectedFile>,
  calls: FileCalls,
): Promise<void> {
  const current = await currentDirectory(directory, calls);
  const tops = new Set([...payload.keys()].map((path) => path.split('/', 1)[0]));
  for (const entry of await fs.readdir(directory, {withFileTypes: true})) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && /^\.\.\d{4}_/.test(entry.name) && entry.name !== current)
      await fs.rm(path, {recursive: true, force: true});
    else if (entry.isSymbolicLink() && entry.name !== dataLink && !tops.has(entry.name))
      await fs.unlink(path);
  }
}
