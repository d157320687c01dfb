// Run in the machine's network: KUBECONFIG NODE PROC MINUTES → one JSON line: what the kubelet of that directory held and
// asked for in an idle minute, in so many minutes of pods that come and go, and in an idle minute after them.
import {readdirSync, readFileSync} from 'node:fs';
import {realClock} from '../../../src/edges/clock.ts';
import {loadKubeconfig} from '../../../src/edges/kube/connection.ts';
import {connectKube} from '../../../src/edges/kube/http-client.ts';
import {startReflector} from '../../../src/edges/kube/watch/reflector.ts';
import type {Draft, Pod} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {pods} from '../../../src/lib/resources.ts';
import {readMetrics} from '../proxy/node-proxy.ts';

export type ChurnMinute = {
  readonly what: string;
  readonly pods: number;
  readonly rssMb: number;
  readonly heapMb: number;
  readonly fds: number;
  readonly threads: number;
  readonly handles: number;
  /** Requests to the API server by method. */
  readonly calls: Readonly<Record<string, number>>;
};

const [kubeconfig = '', node = '', proc = '', minutes = '1'] = process.argv.slice(2);
const atOnce = 4;
const namespace = 'default';
const connection = await loadKubeconfig(kubeconfig);
const client = connectKube(connection);
const waiting = new Map<string, () => void>();

startReflector({
  client,
  resource: pods,
  query: {namespace},
  clock: realClock,
  log: silent,
  onEvent: ({type, object: {metadata, status}}) => {
    const isReady = status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
    const state = type === 'deleted' ? 'gone' : isReady ? 'ready' : '';
    waiting.get(`${metadata.name} ${state}`)?.();
  },
});

const draft = (name: string): Draft<Pod> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {name, namespace},
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{name: 'main', image: 'nodectl.local/pause:1', imagePullPolicy: 'IfNotPresent'}],
  },
});

async function reached(name: string, state: 'ready' | 'gone', act: () => Promise<unknown>): Promise<void> {
  const key = `${name} ${state}`;
  const told = new Promise<void>((resolve) => waiting.set(key, resolve));
  await act();
  await told;
  waiting.delete(key);
}

let made = 0;
async function comeAndGo(isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const name = `churn-${made++}`;
    await reached(name, 'ready', () => client.create(pods, draft(name), {namespace}));
    await reached(name, 'gone', () => client.delete(pods, {name, namespace}));
  }
}

type Looked = Omit<ChurnMinute, 'what' | 'pods'>;

async function look(): Promise<Looked> {
  const metrics = await readMetrics(connection, node, '/metrics');
  const value = (name: string) => metrics.get(name)?.samples[0]?.value ?? Number.NaN;
  const status = readFileSync(`${proc}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  const calls: Record<string, number> = {};
  for (const {labels, value: count} of metrics.get('rest_client_requests_total')?.samples ?? [])
    calls[labels.method ?? ''] = (calls[labels.method ?? ''] ?? 0) + count;
  return {
    rssMb: field('VmRSS') / 1024,
    heapMb: value('nodejs_heap_size_used_bytes') / 1024 / 1024,
    fds: readdirSync(`${proc}/fd`).length,
    threads: field('Threads'),
    handles: value('nodejs_active_handles_total'),
    calls,
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const minuteMs = 60_000;

async function minute(what: string): Promise<ChurnMinute> {
  const [before, madeBefore] = [await look(), made];
  await pause(minuteMs);
  const now = await look();
  const calls = Object.entries(now.calls).map(([method, count]) => [
    method,
    count - (before.calls[method] ?? 0),
  ]);
  return {...now, what, pods: made - madeBefore, calls: Object.fromEntries(calls)};
}

/** What the start, or the last pods, have left to do. */
const settleMs = 20_000;
await pause(settleMs);
const rows = [await minute('idle')];
let over = false;
const churning = Promise.all(Array.from({length: atOnce}, () => comeAndGo(() => over)));
for (let at = 1; at <= Number(minutes); at++) rows.push(await minute(`minute ${at}`));
over = true;
await churning;
await pause(settleMs);
rows.push(await minute('idle again'));
process.stdout.write(`${JSON.stringify(rows)}\n`);
process.exit(0);
