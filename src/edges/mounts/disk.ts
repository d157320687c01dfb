import {statfs} from 'node:fs/promises';
import {dirname} from 'node:path';
import {isMissing} from '../files/files.ts';

export type DiskSpace = {
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number;
  readonly totalInodes: number;
};

/** Space where `path` is or will be: of its nearest existing ancestor. */
export async function diskSpace(path: string): Promise<DiskSpace> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const found = await statfs(at);
      return {
        path,
        freeBytes: found.bavail * found.bsize,
        totalBytes: found.blocks * found.bsize,
        freeInodes: found.ffree,
        totalInodes: found.files,
      };
    } catch (error) {
      if (!isMissing(error) || at === '/') throw error;
    }
  }
}
