import {readdirSync, readFileSync, readlinkSync} from 'node:fs';
import {createLan, type Machine} from '../integration/support/machine.ts';
import {milliseconds, quantile, type Table} from './table.ts';

const rounds = 5;
const idleMs = 60_000;
const packages = ['containerd', 'runc', 'containernetworking-plugins', 'nftables', 'conntrack', 'iptables'];

type JoinResult = {readonly phases: readonly {readonly name: string; readonly ms: number}[]};

/**
 * A join of a second machine to a sandbox, both in namespaces here, phase by phase: cold with the installation of
 * packages from a local cache, warm with the runtime already there. Then what the daemons cost with no pod to run.
 */
export default async function join(): Promise<Table[]> {
  const lan = await createLan();
  try {
    const control = await lan.machine('control');
    const worker = await lan.machine('worker');
    await control.nodectl(['sandbox', 'up']);
    const all = (await control.nodectl(['sandbox', 'token'])).stdout.trim().split(/\s+/);
    const words = all.slice(all.indexOf('join') + 1);
    const cold = await once(worker, words);
    await worker.nodectl(['reset']);
    await worker.run('apt-get', ['-q', '-y', '--no-install-recommends', 'install', ...packages], {
      env: {DEBIAN_FRONTEND: 'noninteractive'},
    });
    const warm: Phases[] = [];
    for (let round = 0; round < rounds; round++) {
      warm.push(await once(worker, words));
      if (round < rounds - 1) await worker.nodectl(['reset']);
    }
    return [phaseTable(cold, warm), await idleTable(worker)];
  } finally {
    await lan.remove();
  }
}

type Phases = ReadonlyMap<string, number>;

/** `whole` is what a user waits for: from the start of the command to its end, the node Ready. */
async function once(worker: Machine, words: readonly string[]): Promise<Phases> {
  const started = performance.now();
  const {stdout} = await worker.nodectl(['join', ...words, '-o', 'json']);
  const whole = performance.now() - started;
  const result: JoinResult = JSON.parse(stdout);
  return new Map([...result.phases.map(({name, ms}) => [name, ms] as const), ['whole, to Ready', whole]]);
}

function phaseTable(cold: Phases, warm: readonly Phases[]): Table {
  const rows = [...cold.keys()].map((name) => {
    const samples = warm.map((phases) => phases.get(name) ?? 0);
    const spread = [quantile(samples, 0), quantile(samples, 0.5), quantile(samples, 1)];
    return [name, milliseconds(cold.get(name) ?? 0), ...spread.map(milliseconds)];
  });
  return {
    title: `A join, phase by phase (${rounds} warm ones)`,
    columns: ['phase', 'cold ms', 'warm min', 'warm p50', 'warm max'],
    rows,
  };
}

/** Of the kernel's accounts: resident memory, and processor time over a minute in which nothing happens. */
async function idleTable(worker: Machine): Promise<Table> {
  const names = ['kubelet', 'kube-proxy', 'containerd', 'supervise'];
  const before = new Map(names.map((name) => [name, account(worker, name)]));
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const rows = names.flatMap((name) => {
    const [first, last] = [before.get(name), account(worker, name)];
    if (first === undefined || last === undefined) return [];
    const ms = (last.ticks - first.ticks) * 10;
    return [[name, (last.rssKb / 1024).toFixed(0), ms.toFixed(0), `${(ms / (idleMs / 100)).toFixed(2)} %`]];
  });
  return {
    title: 'What the daemons cost at idle (one minute)',
    columns: ['daemon', 'RSS MB', 'CPU ms a minute', 'of a core'],
    rows,
  };
}

/** The machine's own processes share its pid namespace. */
function account(machine: Machine, name: string): {rssKb: number; ticks: number} | undefined {
  const namespace = readlinkSync(`/proc/${machine.pid}/ns/pid`);
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)))
    try {
      if (readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) continue;
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      if (comm !== name && !(name === 'supervise' && command.includes('\0supervise\0'))) continue;
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
      // utime and stime, in hundredths of a second (proc(5)).
      return {rssKb, ticks: Number(fields[11]) + Number(fields[12])};
    } catch {
      // It ended while it was looked at.
    }
  return undefined;
}
