import {copyFile, rename, stat, truncate} from 'node:fs/promises';
import {isMissing} from '../files/files.ts';

const maxBytes = 10 * 1024 * 1024;
const kept = 3;

/**
 * Bounds a log that daemons write to by themselves: copied, then cut. They append, so they go on at its start; a
 * pipe through the supervisor would lose nothing, but would end the daemons with the supervisor.
 */
export async function rotate(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).size < maxBytes) return false;
    for (let n = kept - 1; n >= 1; n--)
      await rename(`${path}.${n}`, `${path}.${n + 1}`).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    await copyFile(path, `${path}.1`);
    await truncate(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
