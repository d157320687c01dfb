import {readFile, realpath, statfs} from 'node:fs/promises';
import {basename} from 'node:path';
import {run} from '../process/run.ts';

/** Of the file system that holds a path. */
export type VolumeSpace = {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
  readonly inodesUsed: number;
};

export async function localSpace(path: string): Promise<VolumeSpace> {
  const {bsize, blocks, bfree, bavail, files, ffree} = await statfs(path);
  return space({bsize, blocks, bfree, bavail, files, ffree});
}

/**
 * The same of a file system whose server may be away: statfs(2) could hang for ever, and with it one of the few threads
 * that all file operations of this process share. A child can be ended.
 */
export async function networkSpace(
  path: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<VolumeSpace> {
  const {stdout} = await run('stat', ['-f', '-c', '%S %b %f %a %c %d', '--', path], {timeoutMs, signal});
  const [bsize = 0, blocks = 0, bfree = 0, bavail = 0, files = 0, ffree = 0] = stdout.split(' ').map(Number);
  return space({bsize, blocks, bfree, bavail, files, ffree});
}

const sectorBytes = 512;

/** The size of a block device. */
export async function deviceBytes(path: string): Promise<number> {
  const name = basename(await realpath(path));
  return Number(await readFile(`/sys/class/block/${name}/size`, 'utf8')) * sectorBytes;
}

type Counts = Record<'bsize' | 'blocks' | 'bfree' | 'bavail' | 'files' | 'ffree', number>;

function space({bsize, blocks, bfree, bavail, files, ffree}: Counts): VolumeSpace {
  return {
    capacityBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodes: files,
    inodesFree: ffree,
    inodesUsed: files - ffree,
  };
}
