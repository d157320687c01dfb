import {readText} from '../files/files.ts';
import {allPids, commandOf, nameOf, type ProcessStat, statOf} from './processes.ts';

/** USER_HZ: what /proc counts in, on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** How long a process has run; undefined when there is none. */
export async function processAgeMs(pid: number): Promise<number | undefined> {
  const [stat, uptime] = await Promise.all([statOf(pid), upMs()]);
  return stat === undefined ? undefined : Math.max(0, uptime - startMs(stat));
}

async function upMs(): Promise<number> {
  return Number(((await readText('/proc/uptime')) ?? '').split(' ')[0]) * 1000;
}

function startMs({startTime}: ProcessStat): number {
  return (Number(startTime) / ticksPerSecond) * 1000;
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
  const uptime = await upMs();
  const pids = (await allPids()).filter((pid) => nameOf(pid)?.startsWith('containerd-shim') === true);
  const found = await Promise.all(
    pids.map(async (pid): Promise<Shim[]> => {
      const [words, stat] = await Promise.all([commandOf(pid), statOf(pid)]);
      const after = (flag: string) => words[words.indexOf(flag) + 1] ?? '';
      if (after('-namespace') !== 'k8s.io') return [];
      const ageMs = stat === undefined ? 0 : Math.max(0, uptime - startMs(stat));
      return [{pid, id: after('-id'), address: after('-address').replace(/\.ttrpc$/, ''), ageMs}];
    }),
  );
  return found.flat();
}
