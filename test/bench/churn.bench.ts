import {resolve} from 'node:path';
import {run} from '../../src/edges/process/exec.ts';
import {createLan} from '../integration/support/machine.ts';
import type {ChurnMinute} from './pods/churn-worker.ts';
import type {Table} from './table.ts';

/** `CHURN_MINUTES=60 npm run bench churn` is the hour that the reliability contract speaks of. */
const minutes = Number(process.env.CHURN_MINUTES ?? '2');
const aroundMs = 300_000;

/** Four pods at a time that come and go: what the kubelet holds and asks for, minute by minute, and idle around it. */
export default async function churn(): Promise<Table[]> {
  const lan = await createLan();
  try {
    const machine = await lan.machine('churn');
    await machine.nodectl(['sandbox', 'up']);
    const pid = (await machine.run('pgrep', ['-f', 'bin/kubelet '])).stdout.split('\n')[0] ?? '';
    const worker = resolve(import.meta.dirname, 'pods/churn-worker.ts');
    const kubeconfig = machine.path('/var/lib/nodectl/sandbox/state/admin.conf');
    const program = ['-t', String(machine.pid), '--net', process.execPath, ...process.execArgv, worker];
    const words = [kubeconfig, 'churn', machine.path(`/proc/${pid}`), String(minutes)];
    const timeoutMs = minutes * 60_000 + aroundMs;
    const {stdout} = await run('nsenter', [...program, ...words], {timeoutMs});
    const rows: readonly ChurnMinute[] = JSON.parse(stdout);
    const methods = [...new Set(rows.flatMap(({calls}) => Object.keys(calls)))].sort();
    return [
      {
        title: `The kubelet over ${minutes} minutes of pods that come and go`,
        columns: ['', 'pods', 'RSS MB', 'heap MB', 'descriptors', 'threads', 'handles'],
        rows: rows.map((row) => [
          row.what,
          row.pods,
          row.rssMb.toFixed(1),
          row.heapMb.toFixed(1),
          row.fds,
          row.threads,
          row.handles,
        ]),
        notes: ['An hour: CHURN_MINUTES=60. Idle again, everything is to be as it was idle.'],
      },
      {
        title: 'Requests of the kubelet to its API server, a minute',
        columns: ['', 'pods', 'all', ...methods, 'a pod'],
        rows: rows.map(({what, pods, calls}) => {
          const all = Object.values(calls).reduce((sum, count) => sum + count, 0);
          const each = pods === 0 ? '' : (all / pods).toFixed(1);
          return [what, pods, all, ...methods.map((method) => calls[method] ?? 0), each];
        }),
        notes: ['The readings themselves are reviewed by the API server: two POSTs at most.'],
      },
    ];
  } finally {
    await lan.remove();
  }
}
