import * as now from 'node:fs';
import * as later from 'node:fs/promises';

/** What is done to small files and links, one after the other. */
export type FileCalls = {
  chmod(path: string, mode: number): Promise<void>;
  lchown(path: string, uid: number, gid: number): Promise<void>;
  mkdtemp(prefix: string): Promise<string>;
  readlink(path: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  writeFile(
    path: string,
    data: Uint8Array,
    how: {readonly mode: number; readonly flag: string},
  ): Promise<void>;
};

/** By other threads: a disk may keep one waiting, and nothing else must wait with it. */
export const byThreads: FileCalls = later;

/** Where files lie in memory no call waits for anything, and to ask another thread takes many times the call itself. */
export const atOnce: FileCalls = {
  chmod: async (path, mode) => now.chmodSync(path, mode),
  lchown: async (path, uid, gid) => now.lchownSync(path, uid, gid),
  mkdtemp: async (prefix) => now.mkdtempSync(prefix),
  readlink: async (path) => now.readlinkSync(path),
  rename: async (from, to) => now.renameSync(from, to),
  symlink: async (target, path) => now.symlinkSync(target, path),
  unlink: async (path) => now.unlinkSync(path),
  writeFile: async (path, data, how) => now.writeFileSync(path, data, how),
};
