import {lstat, opendir, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {isMissing} from '../files/files.ts';

export type DirectoryUsage = {readonly usedBytes: number; readonly inodesUsed: number};

/** What lstat(2) counts blocks in, whatever the file system. */
const blockBytes = 512;

/**
 * What a tree takes on its own file system, as `du -x` counts: allocated blocks, each inode once. What goes away
 * while it is read does not count; nothing is followed.
 */
export async function directoryUsage(
  path: string,
  signal?: AbortSignal,
): Promise<DirectoryUsage | undefined> {
  const root = await status(path);
  if (root === undefined) return undefined;
  const seen = new Set<bigint>();
  let usedBytes = 0;
  let inodesUsed = 0;
  const count = (entry: {ino: bigint; nlink: bigint; blocks: bigint}) => {
    if (entry.nlink > 1n && seen.has(entry.ino)) return;
    if (entry.nlink > 1n) seen.add(entry.ino);
    usedBytes += Number(entry.blocks) * blockBytes;
    inodesUsed++;
  };
  count(root);
  const left = root.isDirectory() ? [path] : [];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    signal?.throwIfAborted();
    for (const name of await names(at)) {
      const found = await status(join(at, name));
      if (found === undefined || found.dev !== root.dev) continue;
      count(found);
      if (found.isDirectory()) left.push(join(at, name));
    }
  }
  return {usedBytes, inodesUsed};
}

/** The file system that holds `path`, as a number to compare; undefined when there is no such path. */
export async function deviceOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).dev;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function status(path: string) {
  try {
    return await lstat(path, {bigint: true});
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function names(path: string): Promise<string[]> {
  try {
    const found: string[] = [];
    for await (const entry of await opendir(path)) found.push(entry.name);
    return found;
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
