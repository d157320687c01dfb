import type {BigIntStats} from 'node:fs';
import * as fs from 'node:fs/promises';
import {join} from 'node:path';
import {isMissing} from '../files/files.ts';

/**
 * The unix sockets in a directory and those below it, hidden ones left out: path → which socket it is. One that was
 * made anew at the same path is another, though its inode may have the same number.
 */
export async function listSockets(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await collect(directory, found);
  return found;
}

/** Which socket is at a path; undefined when there is none. */
export async function socketIdentity(path: string): Promise<string | undefined> {
  const stats = await lstat(path);
  return stats?.isSocket() ? identity(stats) : undefined;
}

async function collect(directory: string, found: Map<string, string>): Promise<void> {
  for (const name of await names(directory)) {
    if (name.startsWith('.')) continue;
    const path = join(directory, name);
    const stats = await lstat(path);
    if (stats?.isDirectory()) await collect(path, found);
    else if (stats?.isSocket()) found.set(path, identity(stats));
  }
}

/** A socket's times are those of its making: neither connecting nor talking changes mtime. */
function identity({dev, ino, mtimeNs}: BigIntStats): string {
  return `${dev}:${ino}:${mtimeNs}`;
}

async function lstat(path: string): Promise<BigIntStats | undefined> {
  try {
    return await fs.lstat(path, {bigint: true});
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function names(directory: string): Promise<string[]> {
  try {
    return (await fs.readdir(directory)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
