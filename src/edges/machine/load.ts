import {availableParallelism, loadavg} from 'node:os';
import {readText} from '../files/files.ts';

/** How busy the machine is. */
export type Load = {
  /** Processes that run or want to, over the last minute. */
  readonly waiting: number;
  readonly cpus: number;
  /** Share of the last ten seconds in which something waited for a disk, in percent. */
  readonly diskPercent: number;
  /** Share of the last ten seconds in which nothing went on for want of memory, in percent. */
  readonly memoryPercent: number;
};

export async function readLoad(): Promise<Load> {
  const [diskPercent, memoryPercent] = await Promise.all([share('io', 'some'), share('memory', 'full')]);
  return {waiting: loadavg()[0] ?? 0, cpus: availableParallelism(), diskPercent, memoryPercent};
}

/** Of pressure stall information; 0 where the kernel keeps none. */
async function share(resource: 'io' | 'memory', kind: 'some' | 'full'): Promise<number> {
  const text = (await readText(`/proc/pressure/${resource}`).catch(() => undefined)) ?? '';
  return Number(new RegExp(`^${kind} avg10=([\\d.]+)`, 'm').exec(text)?.[1] ?? 0);
}
