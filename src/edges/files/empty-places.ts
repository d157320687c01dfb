import * as fs from 'node:fs/promises';
import {join} from 'node:path';
import {isMissing} from './files.ts';

/**
 * Removes a file, a link or an empty directory; an absent one is fine. Whatever has content stays.
 * @throws when there is something in it, or mounted on it
 */
export async function removeEmpty(path: string): Promise<void> {
  try {
    if ((await fs.lstat(path)).isDirectory()) await fs.rmdir(path);
    else await fs.unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/**
 * Removes a directory with the directories in it, or a link; an absent one is fine. Files stay.
 * @throws when there is a file, or when something is mounted
 */
export async function removeEmptyTree(path: string): Promise<void> {
  try {
    const stats = await fs.lstat(path);
    if (stats.isDirectory())
      for (const entry of await fs.readdir(path, {withFileTypes: true}))
        if (entry.isDirectory()) await removeEmptyTree(join(path, entry.name));
    await removeEmpty(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
