import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import {statOf} from '../process/processes.ts';
import {isMissing, listDirectory, removeFile} from './files.ts';

/** `.PID.RANDOM.tmp` of writeAtomic and copyProgram, `NAME.PID.RANDOM.tmp` of linkAtomic. */
const temporary = /^(?:\.|.+\.)(\d+)\.[a-z0-9]+\.tmp$/;

/** Whose a temporary file is, by its name; undefined for every other file. */
export function writerOf(name: string): number | undefined {
  const [, pid] = temporary.exec(name) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

/** No write takes longer: a number that lives may belong to another process by now. */
const longestWriteMs = 600_000;

/** Takes away what writers that were killed in the middle left beside their files; a living one’s stays. */
export async function removeOrphans(directories: Iterable<string>, nowMs: number): Promise<void> {
  for (const directory of directories)
    for (const name of await listDirectory(directory)) {
      const pid = writerOf(name);
      const path = join(directory, name);
      if (pid !== undefined && !(await isBeingWritten(path, pid, nowMs))) await removeFile(path);
    }
}

async function isBeingWritten(path: string, pid: number, nowMs: number): Promise<boolean> {
  if ((await statOf(pid)) === undefined) return false;
  try {
    return nowMs - (await stat(path)).mtimeMs < longestWriteMs;
  } catch (error) {
    // A link, perhaps, to what is not there: nobody takes long over one.
    if (isMissing(error)) return false;
    throw error;
  }
}
