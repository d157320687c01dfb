import {constants} from 'node:fs';
import * as fs from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {isExisting, isMissing, listDirectory, removeFile} from '../files.ts';

/** The last `max` bytes of a file that a container may have written; '' when there is none. Follows no link. */
export async function readEnd(path: string, max: number): Promise<string> {
  try {
    const handle = await fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const {size} = await handle.stat();
      const {bytesRead, buffer} = await handle.read(Buffer.alloc(max), 0, max, Math.max(0, size - max));
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isMissing(error) || isLink(error)) return '';
    throw error;
  }
}

function isLink(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ELOOP';
}

/** A file for a termination message: any user of the container may write it. */
export async function makeWritableFile(path: string): Promise<void> {
  await fs.mkdir(dirname(path), {recursive: true, mode: 0o750});
  const handle = await fs.open(path, constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW, 0o666);
  try {
    await handle.chmod(0o666);
  } finally {
    await handle.close();
  }
}

/**
 * Gives a file that containers have mounted its new content: the same inode, so that they see it. What they have put
 * in its place is not followed.
 */
export async function writeInPlace(path: string, content: string, mode: number): Promise<void> {
  const flags = constants.O_CREAT | constants.O_RDWR | constants.O_NOFOLLOW;
  const handle = await fs.open(path, flags, mode);
  try {
    if ((await handle.readFile('utf8')) === content) return;
    await handle.truncate(0);
    await handle.write(content, 0, 'utf8');
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}

/** A link for log collectors; one that is there already is replaced when it leads elsewhere. */
export async function linkLog(path: string, target: string): Promise<void> {
  try {
    await fs.symlink(target, path);
  } catch (error) {
    if (!isExisting(error)) throw error;
    if ((await fs.readlink(path).catch(() => '')) === target) return;
    await removeFile(path);
    await fs.symlink(target, path);
  }
}

/** Removes the links in `links` that lead to `path` or below it; of those whose names begin so, where that is known. */
export async function removeLinksInto(links: string, path: string, prefix = ''): Promise<void> {
  for (const name of await listDirectory(links)) {
    if (!name.startsWith(prefix)) continue;
    const target = await fs.readlink(join(links, name)).catch(() => '');
    if (target === path || target.startsWith(`${path}/`)) await removeFile(join(links, name));
  }
}
