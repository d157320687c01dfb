import {readText} from '../files/files.ts';
import {allPids, commandOf, statOf} from './processes.ts';

/** USER_HZ: what /proc counts in, on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** How long a process has run; undefined when there is none. */
export async function processAgeMs(pid: number): Promise<number | undefined> {
  const [stat, uptime] = await Promise.all([statOf(pid), readText('/proc/uptime')]);
  if (stat === undefined) return undefined;
  const upMs = Number((uptime ?? '').split(' ')[0]) * 1000;
  return Math.max(0, upMs - (Number(stat.startTime) / ticksPerSecond) * 1000);
}

/** A containerd shim and the pod sandbox that it was started for. */
export type Shim = {
  readonly pid: number;
  readonly id: string;
  readonly address: string;
  readonly ageMs: number;
};

/** The shims of Kubernetes' containerd namespace that run on this machine. */
export async function listShims(): Promise<Shim[]> {
  const found = await Promise.all(
    (await allPids()).map(async (pid): Promise<Shim[]> => {
      const words = await commandOf(pid);
      if (words[0]?.includes('containerd-shim') !== true) return [];
      const after = (flag: string) => words[words.indexOf(flag) + 1] ?? '';
      if (after('-namespace') !== 'k8s.io') return [];
      const ageMs = (await processAgeMs(pid)) ?? 0;
      return [{pid, id: after('-id'), address: after('-address').replace(/\.ttrpc$/, ''), ageMs}];
    }),
  );
  return found.flat();
}
