import {readFileSync} from 'node:fs';
import {resolve} from 'node:path';
import {run} from '../../src/edges/process/exec.ts';
import {createLan, type Machine} from '../integration/support/machine.ts';
import {criFloor, type Floor} from './pods/cri-floor.ts';
import {asKubelet, barest} from './pods/cri-requests.ts';
import {follow} from './pods/follow.ts';
import {milliseconds, quantile, ratio, type Table} from './table.ts';

const crowd = 100;
const sizes = [1, 10, 30, crowd];
const ticksPerSecond = 100;
const idleSeconds = 30;

/**
 * Pods created → Ready and deleted → gone through the API and our kubelet, beside the same requests straight over CRI;
 * for the crowd also beside the barest ones, which no kubelet may make.
 */
export default async function pods(): Promise<Table[]> {
  const following = await follow();
  const lan = await createLan();
  try {
    const machine = await lan.machine('bench');
    await machine.nodectl(['sandbox', 'up']);
    const [starts, ends] = [[] as (string | number)[][], [] as (string | number)[][]];
    const idle = await costs(machine);
    let quiet = {corePercent: Number.NaN, rssMb: Number.NaN};
    for (const size of sizes) {
      const socket = machine.path('/run/containerd/containerd.sock');
      const floor = await criFloor(socket, size, asKubelet(machine.path));
      const bare = size === crowd ? await criFloor(socket, size, barest) : undefined;
      const ours = await through(machine, size);
      if (ours.idle !== undefined) quiet = ours.idle;
      starts.push(row(size, ours.starts, ours.startMs, [floor.startMs, bare?.startMs]));
      ends.push(row(size, ours.ends, ours.endMs, [floor.endMs, bare?.endMs]));
    }
    const busy = await costs(machine);
    const floors = ['CRI alone ms', 'ratio', 'barest CRI ms', 'ratio'];
    const columns = ['pods', 'p50 ms', 'p99 ms', 'total ms', ...floors];
    return [
      {title: 'Pods created → Ready', columns, rows: starts},
      {title: 'Pods deleted → gone', columns, rows: ends},
      following,
      {
        title: `Kubelet while 100 pods only run, ${idleSeconds} s`,
        columns: ['figure', 'value', 'goal'],
        rows: [
          ['% of a core', quiet.corePercent.toFixed(2), '≤ 2'],
          ['RSS MB', quiet.rssMb, '≤ 110'],
        ],
      },
      {
        title: `Daemons over ${sizes.reduce((a, b) => a + b)} pods`,
        columns: ['daemon', 'CPU s', 'RSS MB', 'RSS before MB'],
        rows: Object.keys(busy).map((name) => [
          name,
          ((busy[name]?.cpu ?? 0) - (idle[name]?.cpu ?? 0)).toFixed(2),
          busy[name]?.rss ?? 0,
          idle[name]?.rss ?? 0,
        ]),
      },
    ];
  } finally {
    await lan.remove();
  }
}

function row(
  size: number,
  took: readonly number[],
  total: number,
  floors: readonly (number | undefined)[],
): (string | number)[] {
  return [
    size,
    milliseconds(quantile(took, 0.5)),
    milliseconds(quantile(took, 0.99)),
    milliseconds(total),
    ...floors.flatMap((floor) =>
      floor === undefined ? ['', ''] : [milliseconds(floor), ratio(total, floor)],
    ),
  ];
}

type Through = Floor & {readonly idle?: {readonly corePercent: number; readonly rssMb: number}};

async function through(machine: Machine, size: number): Promise<Through> {
  const worker = resolve(import.meta.dirname, 'pods/pods-worker.ts');
  const kubeconfig = machine.path('/var/lib/nodectl/sandbox/state/admin.conf');
  const args = [
    '-t',
    String(machine.pid),
    '--net',
    process.execPath,
    ...process.execArgv,
    worker,
    kubeconfig,
    String(size),
    ...(size === crowd
      ? [machine.path(`/proc/${await pidOf(machine, patterns.kubelet)}`), String(idleSeconds)]
      : []),
  ];
  return JSON.parse((await run('nsenter', args, {timeoutMs: 300_000})).stdout);
}

const patterns = {
  kubelet: 'bin/kubelet ',
  proxy: 'bin/kube-proxy ',
  sandbox: 'sandbox serve',
  containerd: '^/usr/bin/containerd',
};

/** As the machine itself counts; '' when there is none. */
async function pidOf(machine: Machine, pattern: string): Promise<string> {
  const {stdout} = await machine.run('pgrep', ['-f', pattern], {okCodes: [0, 1]});
  return stdout.split('\n')[0] ?? '';
}

type Cost = {readonly cpu: number; readonly rss: number};

/** CPU seconds and resident megabytes of each daemon. */
async function costs(machine: Machine): Promise<Record<string, Cost>> {
  const found: Record<string, Cost> = {};
  for (const [name, pattern] of Object.entries(patterns)) {
    const pid = await pidOf(machine, pattern);
    if (pid === '') continue;
    const stat =
      readFileSync(machine.path(`/proc/${pid}/stat`), 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? [];
    const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(machine.path(`/proc/${pid}/status`), 'utf8'))?.[1] ?? '0';
    found[name] = {
      cpu: (Number(stat[11]) + Number(stat[12])) / ticksPerSecond,
      rss: Math.round(Number(rss) / 1024),
    };
  }
  return found;
}
