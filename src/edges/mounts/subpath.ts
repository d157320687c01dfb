import {constants} from 'node:fs';
import * as fs from 'node:fs/promises';
import {join} from 'node:path';
import {isExisting, isMissing} from '../files/files.ts';
import {ensureDirectory, ensureFile} from '../files/trees.ts';
import {bindMount, isMounted, unmount} from './mounts.ts';

/** O_PATH of <fcntl.h>: a handle on the place itself, without opening what is there. */
const oPath = 0o10000000;
const here = oPath | constants.O_NOFOLLOW;

/**
 * Binds `volume/subPath` to `target` so that nobody who can write to the volume can lead it elsewhere
 * (CVE-2017-1002101, CVE-2021-25741): links are resolved first and must stay inside, then every part is opened by
 * the handle of the one before without following links, and what is mounted is that last handle.
 * A sub-path that is missing is made as a directory with the mode of the volume.
 */
export async function bindSubPath(volume: string, subPath: string, target: string): Promise<void> {
  const root = await fs.realpath(volume);
  const parts = await resolveInside(root, subPath);
  const handle = await openParts(root, parts, 'make');
  try {
    const wanted = await handle.stat({bigint: true});
    if (await isMounted(target)) {
      const mounted = await fs.stat(target, {bigint: true});
      if (mounted.dev === wanted.dev && mounted.ino === wanted.ino) return;
      await unmount(target);
    }
    if (wanted.isDirectory()) await ensureDirectory(target, 0o750);
    else {
      await ensureDirectory(join(target, '..'), 0o750);
      await ensureFile(target, 0o640);
    }
    await bindMount(`/proc/${process.pid}/fd/${handle.fd}`, target);
  } finally {
    await handle.close();
  }
}

/**
 * The start of a file in a volume that containers write; links are followed as far as they stay inside. What is no
 * regular file is refused: a FIFO must not hang its reader.
 */
export async function readInside(volume: string, path: string, maxBytes: number): Promise<string> {
  const root = await fs.realpath(volume);
  const handle = await openParts(root, await resolveInside(root, path), 'find');
  try {
    if (!(await handle.stat()).isFile()) throw new Error(`${path} is not a regular file`);
    const file = await fs.open(`/proc/self/fd/${handle.fd}`, constants.O_RDONLY);
    try {
      const {bytesRead, buffer} = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } finally {
    await handle.close();
  }
}

/** The parts of the path below the root with links resolved; what does not exist yet stays as it was asked for. */
async function resolveInside(root: string, subPath: string): Promise<string[]> {
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  if (subPath.startsWith('/') || parts.includes('..'))
    throw new Error(`subPath ${subPath} must be relative and must not contain '..'`);
  for (let known = parts.length; known >= 0; known--)
    try {
      const real = await fs.realpath(join(root, ...parts.slice(0, known)));
      if (real !== root && !real.startsWith(root === '/' ? '/' : `${root}/`))
        throw new Error(`subPath ${subPath} leads out of its volume`);
      const inside = real.slice(root.length).split('/');
      return [...inside, ...parts.slice(known)].filter((part) => part !== '');
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  throw new Error(`subPath ${subPath}: its volume is gone`);
}

/** What is missing on the way is made, or an error. */
type Missing = 'make' | 'find';

async function openParts(root: string, parts: readonly string[], missing: Missing): Promise<fs.FileHandle> {
  let handle = await fs.open(root, here);
  const {mode} = await handle.stat();
  for (const part of parts) {
    const parent = handle;
    try {
      handle = await openPart(`/proc/self/fd/${parent.fd}/${part}`, mode & 0o7777, missing);
    } finally {
      await parent.close();
    }
  }
  return handle;
}

async function openPart(path: string, mode: number, missing: Missing): Promise<fs.FileHandle> {
  let handle: fs.FileHandle;
  try {
    handle = await fs.open(path, here);
  } catch (error) {
    if (!isMissing(error) || missing === 'find') throw error;
    handle = await makePart(path, mode);
  }
  const stats = await handle.stat();
  if (!stats.isSymbolicLink()) return handle;
  await handle.close();
  throw new Error(`${path} became a link while it was opened`);
}

async function makePart(path: string, mode: number): Promise<fs.FileHandle> {
  await fs.mkdir(path, {mode}).catch((error: unknown) => {
    if (!isExisting(error)) throw error;
  });
  const handle = await fs.open(path, here);
  // Through the handle, so that a link put in its place meanwhile is not followed.
  if ((await handle.stat()).isDirectory()) await fs.chmod(`/proc/self/fd/${handle.fd}`, mode);
  return handle;
}
