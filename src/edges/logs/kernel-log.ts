import {closeSync, constants, openSync, readSync} from 'node:fs';
import {errno, readText} from '../files/files.ts';

/** A record of the kernel's log. */
export type KernelRecord = {readonly ageMs: number; readonly text: string};

const maxRecords = 20_000;

/** Processes that the kernel has ended for want of memory since boot, of containers and of the machine. */
export async function countOomKills(): Promise<number> {
  const text = (await readText('/proc/vmstat')) ?? '';
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** EPIPE: the record was overwritten while we read; the next read gives the oldest that is left. */
function readRecord(file: number, buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(file, buffer, 0, buffer.length, null);
    } catch (error) {
      if (errno(error) !== 'EPIPE') throw error;
    }
  }
}

/** The records that match, oldest first; empty where one may not look. Each read gives one record (kmsg(4)). */
export async function readKernelLog(like: RegExp, path = '/dev/kmsg'): Promise<KernelRecord[]> {
  const upMs = Number(((await readText('/proc/uptime')) ?? '').split(' ')[0]) * 1000;
  const buffer = Buffer.alloc(8192);
  const found: KernelRecord[] = [];
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    for (let count = 0; count < maxRecords; count++) {
      const length = readRecord(file, buffer);
      if (length === 0) break;
      // The kernel escapes what is not ASCII.
      for (const line of buffer.toString('latin1', 0, length).split('\n')) {
        // `6,339,5140900,-;NET: Registered protocol family 10`; further lines, ` SUBSYSTEM=net`, are its fields.
        const text = line.slice(line.indexOf(';') + 1);
        if (line.startsWith(' ') || !like.test(text)) continue;
        found.push({ageMs: upMs - Number(line.split(',', 3)[2]) / 1000, text});
      }
    }
  } catch {
    // EAGAIN is its end; EPERM and EACCES are a kernel that tells nobody but its own root.
  } finally {
    if (file !== undefined) closeSync(file);
  }
  return found;
}
