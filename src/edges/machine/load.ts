import {availableParallelism, loadavg} from 'node:os';
import {readText} from '../files/files.ts';

/** How busy the machine is. */
export type Load = {
  /** Processes that run or want to, over the last minute. */
  readonly waiting: number;
  readonly cpus: number;
  /** Share of the last ten seconds in which something waited for a disk, in percent. */
  readonly diskPercent: number;
};

export async function readLoad(): Promise<Load> {
  const io = (await readText('/proc/pressure/io').catch(() => undefined)) ?? '';
  const diskPercent = Number(/^some avg10=([\d.]+)/m.exec(io)?.[1] ?? 0);
  return {waiting: loadavg()[0] ?? 0, cpus: availableParallelism(), diskPercent};
}
