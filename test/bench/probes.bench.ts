import {appendFileSync} from 'node:fs';
import {resolve} from 'node:path';
import {run} from '../../src/edges/process/exec.ts';
import {createLan, type Machine} from '../integration/support/machine.ts';
import type {ProbeKind, ProbesMeasured} from './pods/probes-worker.ts';
import type {Table} from './table.ts';

/** `PROBES_MINUTES=10 npm run bench probes` is the proof. */
const minutes = Number(process.env.PROBES_MINUTES ?? '1');
const aroundMs = 1_200_000;
const wanted = 330;

/** 330 probes a second of 110 pods, while four others at a time come and go. */
export default async function probes(): Promise<Table[]> {
  const lan = await createLan();
  try {
    const machine = await lan.machine('probes');
    await machine.nodectl(['sandbox', 'up']);
    await makeRoom(machine);
    const measured = await measure(machine);
    return [byKind(measured), asWhole(measured), ...ofFailures(measured)];
  } finally {
    await lan.remove();
  }
}

/** The sandbox's own pods and those that come and go have their places beside the 110. */
async function makeRoom(machine: Machine): Promise<void> {
  appendFileSync(machine.path('/var/lib/kubelet/config.yaml'), 'maxPods: 150\n');
  await machine.nodectl(['restart', 'kubelet']);
}

async function measure(machine: Machine): Promise<ProbesMeasured> {
  const pid = (await machine.run('pgrep', ['-f', 'bin/kubelet '])).stdout.split('\n')[0] ?? '';
  const worker = resolve(import.meta.dirname, 'pods/probes-worker.ts');
  const kubeconfig = machine.path('/var/lib/nodectl/sandbox/state/admin.conf');
  const program = ['-t', String(machine.pid), '--net', process.execPath, ...process.execArgv, worker];
  const words = [kubeconfig, machine.name, machine.path(`/proc/${pid}`), String(minutes)];
  const {stdout} = await run('nsenter', [...program, ...words], {timeoutMs: minutes * 60_000 + aroundMs});
  return JSON.parse(stdout);
}

function byKind({kinds, seconds}: ProbesMeasured): Table {
  return {
    title: `Probes of 110 pods over ${Math.round(seconds)} s, every one of a healthy container`,
    columns: ['kind', 'probes', 'a second', 'failed', 'unknown', 'p50 ms', 'p99 ms'],
    rows: [...kinds, together(kinds)].map((kind) => [
      kind.kind,
      kind.asked,
      (kind.asked / seconds).toFixed(1),
      kind.failed,
      kind.unknown,
      below(kind, 0.5),
      below(kind, 0.99),
    ]),
    notes: [
      `Goal: ${wanted} a second, none failed or unknown, for ten minutes (PROBES_MINUTES=10).`,
      "Times are the bounds of the kubelet's own buckets.",
    ],
  };
}

function asWhole({churned, restarts, unready, corePercent, rssMb}: ProbesMeasured): Table {
  return {
    title: 'Meanwhile',
    columns: ['what', 'value', 'goal'],
    rows: [
      ['probed containers that were restarted', restarts, 0],
      ['probed pods that were not ready for a while', unready, 0],
      ['pods that came and went', churned, ''],
      ['% of a core of the kubelet', corePercent.toFixed(1), ''],
      ['RSS MB, minute by minute', rssMb.join(' '), ''],
    ],
  };
}

function ofFailures({said}: ProbesMeasured): Table[] {
  if (said.length === 0) return [];
  return [
    {
      title: 'What the kubelet said of failed probes (events: told at most so often)',
      columns: ['message', 'times'],
      rows: said.slice(0, 12).map(([message, count]) => [message.slice(0, 140), count]),
    },
  ];
}

function together(kinds: readonly ProbeKind[]): ProbeKind {
  const sum = (of: (kind: ProbeKind) => number) => kinds.reduce((all, kind) => all + of(kind), 0);
  const bounds = kinds[0]?.buckets.map(([bound]) => bound) ?? [];
  return {
    kind: 'all',
    asked: sum(({asked}) => asked),
    failed: sum(({failed}) => failed),
    unknown: sum(({unknown}) => unknown),
    buckets: bounds.map((bound, at) => [bound, sum(({buckets}) => buckets[at]?.[1] ?? 0)]),
  };
}

/** The bound of the bucket in which so many of the probes have ended. */
function below({buckets}: ProbeKind, share: number): string {
  const all = buckets.at(-1)?.[1] ?? 0;
  const bound = buckets.find(([, count]) => count >= all * share)?.[0] ?? Number.NaN;
  return bound === Number.MAX_VALUE ? '> 10000' : `≤ ${bound * 1000}`;
}
