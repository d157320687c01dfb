import {createReadStream, createWriteStream} from 'node:fs';
import {lstat, rename} from 'node:fs/promises';
import {pipeline} from 'node:stream/promises';
import {createGzip} from 'node:zlib';
import {isMissing, removeFile} from '../files/files.ts';

/** Undefined when there is no file. */
export async function fileSize(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export function renameFile(from: string, to: string): Promise<void> {
  return rename(from, to);
}

/** Replaces `path` by `to`, its gzip; `temporary` is what a crash may leave. */
export async function compressFile(path: string, to: string, temporary: string): Promise<void> {
  const {mode} = await lstat(path);
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary, {flags: 'wx', mode}));
    await rename(temporary, to);
  } catch (error) {
    await removeFile(temporary);
    throw error;
  }
  await removeFile(path);
}
