import {writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {run} from '../../src/edges/process/exec.ts';
import {KubeCli} from '../integration/support/kube-cli.ts';
import {createLan, type Machine} from '../integration/support/machine.ts';
import {until} from '../integration/support/wait.ts';
import {milliseconds, quantile, type Table} from './table.ts';

const pods = 100;
const serviceCount = 10_000;
const rounds = 10;
const project = resolve(import.meta.dirname, '../..');

type Cost = {readonly wallMs: number; readonly cpuMs: number; readonly first: string};

/** One `nodectl status` with the CPU time of all its processes (times(1): those that were waited for). */
async function once(machine: Machine): Promise<Cost> {
  const started = performance.now();
  const {stdout} = await machine.run('sh', ['-c', '/nodectl status; times'], {okCodes: [0]});
  const wallMs = performance.now() - started;
  const children = stdout.split('\n').at(-1) ?? '';
  const cpuMs = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
    0,
  );
  return {wallMs, cpuMs, first: stdout.split('\n')[0] ?? ''};
}

async function several(machine: Machine, count = rounds): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (let round = 0; round < count; round++) costs.push(await once(machine));
  return costs;
}

function row(what: string, costs: readonly Cost[]): (string | number)[] {
  const walls = costs.map(({wallMs}) => wallMs);
  return [
    what,
    milliseconds(quantile(walls, 0.5)),
    milliseconds(Math.max(...walls)),
    milliseconds(
      quantile(
        costs.map(({cpuMs}) => cpuMs),
        0.5,
      ),
    ),
    (costs.at(-1)?.first ?? '').slice(0, 60),
  ];
}

async function fill(machine: Machine, kube: KubeCli): Promise<void> {
  const admin = join('/tmp', `status-bench-${process.pid}.conf`);
  writeFileSync(admin, kube.kubeconfig(), {mode: 0o600});
  const node = [process.execPath, '--experimental-transform-types', '--no-warnings'];
  const words = ['-t', String(machine.pid), '--net', ...node, join(project, 'test/bench/status/load.ts')];
  await run('nsenter', [...words, admin, String(serviceCount)], {timeoutMs: 600_000});
  await run('rm', [admin]);
  await until(
    'the kernel has the Services',
    async () => {
      const {stdout} = await machine.nodectl(['status', '-o', 'json'], {okCodes: [0, 1, 7]});
      return JSON.parse(stdout).node.dataPlane?.ports >= serviceCount;
    },
    {timeoutMs: 120_000, everyMs: 1000},
  );
}

async function startPods(kube: KubeCli): Promise<void> {
  await kube.text('scale', 'deployment', 'hello', `--replicas=${pods}`);
  await kube.text('rollout', 'status', 'deployment', 'hello', '--timeout=300s');
}

/** Everything that can hang does: the slowest that a status can be. */
async function breakAll(machine: Machine): Promise<void> {
  await machine.run('sh', [
    '-ec',
    "pkill -STOP -f '^/var/lib/nodectl/bin/'; pkill -STOP -f '^/usr/bin/containerd --config'; nft add table inet fault; " +
      "nft 'add chain inet fault c { type filter hook output priority 0; }'; nft add rule inet fault c tcp dport 6443 drop",
  ]);
}

/** `nodectl status` on a healthy node of two sizes, and on one where everything hangs. */
export default async function status(): Promise<Table[]> {
  const lan = await createLan();
  try {
    const machine = await lan.machine('bench');
    writeFileSync(machine.path('/etc/machine-id'), `${'0123456789abcdef'.repeat(2)}\n`);
    await machine.nodectl(['sandbox', 'up']);
    const kube = new KubeCli(machine, 'trixie');
    const rows = [row('2 pods, 4 Services', await several(machine))];
    await startPods(kube);
    await fill(machine, kube);
    rows.push(row(`${pods} pods, ${serviceCount} Services`, await several(machine)));
    kube.remove();
    await breakAll(machine);
    rows.push(row('everything hangs', await several(machine, 3)));
    return [
      {
        title: `nodectl status (${rounds} runs)`,
        columns: ['node', 'wall p50 ms', 'wall max ms', 'CPU p50 ms', 'first line'],
        rows,
        notes: ['CPU: user and system time of nodectl and of the programs that it starts.'],
      },
    ];
  } finally {
    await lan.remove();
  }
}
