import * as fs from 'node:fs/promises';
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
