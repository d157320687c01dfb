import {lstat} from 'node:fs/promises';
import {join} from 'node:path';
import {isMissing, listDirectory} from '../files/files.ts';

/** What the log of one container takes on the disk. */
export type LogUse = {
  readonly path: string;
  /** `namespace/name` */
  readonly pod: string;
  readonly container: string;
  readonly bytes: number;
};

/** The containers with the largest logs of a pod log directory, largest first (NAMESPACE_NAME_UID/CONTAINER/N.log*). */
export async function largestLogs(directory: string, count = 3): Promise<LogUse[]> {
  const found: LogUse[] = [];
  for (const entry of await listDirectory(directory)) {
    const [namespace, name] = entry.split('_');
    for (const container of await listDirectory(join(directory, entry))) {
      const path = join(directory, entry, container);
      const sizes = await Promise.all((await listDirectory(path)).map((file) => allocated(join(path, file))));
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      found.push({path, pod: `${namespace}/${name}`, container, bytes});
    }
  }
  return found.sort((a, b) => b.bytes - a.bytes).slice(0, count);
}

/** Blocks of 512 bytes (stat(2)); nothing for what is gone meanwhile. */
async function allocated(path: string): Promise<number> {
  try {
    return (await lstat(path)).blocks * 512;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}
