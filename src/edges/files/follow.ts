import {open} from 'node:fs/promises';
import type {Writable} from 'node:stream';
import {sleep} from '../clock.ts';
import {start} from '../process/exec.ts';
import {isMissing} from './files.ts';

const everyMs = 250;
const chunkBytes = 64 * 1024;

/** Copies what is appended to a file, from `offset`, until the signal; a file that was cut is read from its start. */
export async function followFile(
  path: string,
  offset: number,
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  let at = offset;
  while (!signal.aborted) {
    at = await copyFrom(path, at, out);
    await sleep(everyMs, signal).catch(() => undefined);
  }
}

async function copyFrom(path: string, offset: number, out: Writable): Promise<number> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (file === undefined) return 0;
  try {
    let at = (await file.stat()).size < offset ? 0 : offset;
    const buffer = Buffer.alloc(chunkBytes);
    for (;;) {
      const {bytesRead} = await file.read(buffer, 0, chunkBytes, at);
      if (bytesRead === 0) return at;
      out.write(Buffer.from(buffer.subarray(0, bytesRead)));
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/** Copies a program's output until it ends, or the signal ends it. */
export async function followProgram(
  file: string,
  args: readonly string[],
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  const child = start(file, args);
  const end = () => child.kill();
  signal.addEventListener('abort', end, {once: true});
  child.stdin.end();
  child.stderr.resume();
  child.stdout.on('data', (chunk: Buffer) => out.write(chunk));
  await child;
  signal.removeEventListener('abort', end);
}
