import {readFile, stat} from 'node:fs/promises';
import {isMissing} from '../files/files.ts';

/** What a block device has done since the machine started: the first eleven figures of a line of /proc/diskstats. */
export type DiskActivity = {
  readonly readsMerged: number;
  readonly sectorsRead: number;
  readonly readMs: number;
  readonly writesMerged: number;
  readonly sectorsWritten: number;
  readonly writeMs: number;
  /** Requests under way at this instant. */
  readonly ioInProgress: number;
  readonly ioMs: number;
  readonly weightedIoMs: number;
};

/** Of the device that holds `path`; undefined where its file system has none of its own (tmpfs, overlay, btrfs). */
export async function diskActivity(path: string): Promise<DiskActivity | undefined> {
  try {
    const [text, {dev}] = await Promise.all([
      readFile('/proc/diskstats', 'utf8'),
      stat(path, {bigint: true}),
    ]);
    return parseDiskActivity(text, deviceNumbers(dev));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** `8:1`: how the kernel packs both numbers into one (MAJOR and MINOR of gnu_dev_t). */
export function deviceNumbers(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}

export function parseDiskActivity(text: string, device: string): DiskActivity | undefined {
  for (const line of text.split('\n')) {
    const [major, minor, , ...figures] = line.trim().split(/\s+/);
    if (`${major}:${minor}` !== device) continue;
    const [, readsMerged = 0, sectorsRead = 0, readMs = 0, , ...writes] = figures.map(Number);
    const [writesMerged = 0, sectorsWritten = 0, writeMs = 0, ...all] = writes;
    const [ioInProgress = 0, ioMs = 0, weightedIoMs = 0] = all;
    return {
      readsMerged,
      sectorsRead,
      readMs,
      writesMerged,
      sectorsWritten,
      writeMs,
      ioInProgress,
      ioMs,
      weightedIoMs,
    };
  }
  return undefined;
}
