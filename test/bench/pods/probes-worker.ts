// Run in the machine's network: KUBECONFIG NODE PROC MINUTES → one JSON line: what the kubelet of that directory made of
// 110 pods with 330 probes a second, while others come and go beside them.
import {readFileSync} from 'node:fs';
import {Worker} from 'node:worker_threads';
import {realClock} from '../../../src/edges/clock.ts';
import {loadKubeconfig} from '../../../src/edges/kube/connection.ts';
import {connectKube} from '../../../src/edges/kube/http-client.ts';
import {startReflector} from '../../../src/edges/kube/watch/reflector.ts';
import type {Container, Draft, Pod, PodSpec} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {events, pods} from '../../../src/lib/resources.ts';
import {readMetrics} from '../proxy/node-proxy.ts';

export type ProbeKind = {
  readonly kind: string;
  readonly asked: number;
  readonly failed: number;
  readonly unknown: number;
  /** Seconds below which so many of the probes lay, upper bounds of the kubelet's own buckets. */
  readonly buckets: readonly (readonly [bound: number, count: number])[];
};
export type ProbesMeasured = {
  readonly seconds: number;
  readonly kinds: readonly ProbeKind[];
  readonly churned: number;
  readonly restarts: number;
  /** How often one of the probed pods was told not to be ready. */
  readonly unready: number;
  /** What the kubelet said of failed probes, and how often. */
  readonly said: readonly (readonly [message: string, count: number])[];
  readonly corePercent: number;
  readonly rssMb: readonly number[];
};

const [kubeconfig = '', node = '', proc = '', minutes = '1'] = process.argv.slice(2);
const namespace = 'default';
const atOnce = 4;
const grpcPort = 9101;
const ticksPerSecond = 100;
const minuteMs = 60_000;
const connection = await loadKubeconfig(kubeconfig);
const client = connectKube(connection);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** In a thread of its own: whatever this one does meanwhile must not look like a service that does not answer. */
function serveHealth(): void {
  const server = new Worker(new URL('health-server.ts', import.meta.url), {workerData: grpcPort});
  server.on('error', (error) => {
    throw error;
  });
}

type Probe = NonNullable<Container['livenessProbe']>;
const every = (handler: Probe): Probe => ({
  ...handler,
  periodSeconds: 1,
  timeoutSeconds: 1,
});
const http = (port: number) => every({httpGet: {port, path: '/'}});
const tcp = (port: number) => every({tcpSocket: {port}});

/** A web server of busybox's; what asks it is in its name, which is how the kubelet counts. */
const web = (name: string, port: number, livenessProbe: Probe, readinessProbe: Probe): Container => ({
  name,
  image: 'nodectl.local/hello:1',
  imagePullPolicy: 'IfNotPresent',
  env: [{name: 'PORT', value: String(port)}],
  livenessProbe,
  readinessProbe,
});
const still = (name: string, rest: Partial<Container> = {}): Container => ({
  name,
  image: 'nodectl.local/pause:1',
  imagePullPolicy: 'IfNotPresent',
  ...rest,
});

type Shape = {readonly count: number; readonly spec: Partial<PodSpec> & {containers: Container[]}};
/** 110 pods, 330 probes a second: a command costs the runtime fifty times what a request costs. */
const shapes: readonly Shape[] = [
  {
    count: 55,
    spec: {containers: [web('http', 8080, http(8080), http(8080)), web('tcp', 8081, tcp(8081), tcp(8081))]},
  },
  {count: 20, spec: {containers: [web('http', 8080, http(8080), http(8080))]}},
  {count: 20, spec: {containers: [web('tcp', 8080, tcp(8080), tcp(8080))]}},
  {
    count: 12,
    spec: {
      hostNetwork: true,
      containers: [
        still('grpc', {
          livenessProbe: every({grpc: {port: grpcPort}}),
          readinessProbe: every({grpc: {port: grpcPort}}),
        }),
      ],
    },
  },
  {
    count: 3,
    spec: {
      containers: [web('exec', 8080, every({exec: {command: ['true']}}), every({exec: {command: ['true']}}))],
    },
  },
];

const draft = (name: string, spec: Shape['spec']): Draft<Pod> => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {name, namespace, labels: {app: name.split('-')[0] ?? ''}},
  spec: {terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, ...spec},
});

const ready = new Set<string>();
const restarts = new Map<string, number>();
const waiting = new Map<string, () => void>();
let unready = 0;

function follow(): void {
  startReflector({
    client,
    resource: pods,
    query: {namespace},
    clock: realClock,
    log: silent,
    onEvent: ({type, object: {metadata, status}}) => {
      const {name} = metadata;
      const isReady = status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
      if (name.startsWith('probed-')) {
        if (ready.has(name) && !isReady) unready++;
        if (isReady) ready.add(name);
        else ready.delete(name);
        restarts.set(
          name,
          (status?.containerStatuses ?? []).reduce((sum, {restartCount}) => sum + restartCount, 0),
        );
      }
      waiting.get(`${name} ${type === 'deleted' ? 'gone' : isReady ? 'ready' : ''}`)?.();
    },
  });
}

async function reached(name: string, state: 'ready' | 'gone', act: () => Promise<unknown>): Promise<void> {
  const key = `${name} ${state}`;
  const told = new Promise<void>((resolve) => waiting.set(key, resolve));
  await act();
  await told;
  waiting.delete(key);
}

async function createProbed(): Promise<void> {
  const drafts = shapes.flatMap(({count, spec}, shape) =>
    Array.from({length: count}, (_, at) => draft(`probed-${shape}-${at}`, spec)),
  );
  for (const each of drafts) await client.create(pods, each, {namespace});
  const giveUp = performance.now() + 15 * minuteMs;
  while (ready.size < drafts.length) {
    if (performance.now() > giveUp) throw new Error(`only ${ready.size} of ${drafts.length} pods are ready`);
    await pause(500);
  }
}

let made = 0;
async function comeAndGo(isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const name = `passing-${made++}`;
    await reached(name, 'ready', () =>
      client.create(pods, draft(name, {containers: [still('main')]}), {namespace}),
    );
    await reached(name, 'gone', () => client.delete(pods, {name, namespace}));
  }
}

/** Addresses and ids left out. */
async function saidSince(startMs: number): Promise<[string, number][]> {
  const counts = new Map<string, number>();
  for (const event of (await client.list(events, {namespace})).items) {
    const {reason, message = '', involvedObject, lastTimestamp, count = 1} = event;
    const isNew = Date.parse(lastTimestamp ?? '') >= startMs;
    if (!isNew || reason !== 'Unhealthy' || !involvedObject.name?.startsWith('probed-')) continue;
    const kind = `${involvedObject.fieldPath ?? ''}: ${message.replace(/\d+\.\d+\.\d+\.\d+/g, 'IP')}`;
    counts.set(kind, (counts.get(kind) ?? 0) + count);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

type Counts = Map<string, {results: Record<string, number>; buckets: Map<number, number>}>;

async function counted(): Promise<Counts> {
  const metrics = await readMetrics(connection, node, '/metrics/probes');
  const counts: Counts = new Map();
  const of = (kind = '') => {
    const known = counts.get(kind) ?? {results: {}, buckets: new Map<number, number>()};
    counts.set(kind, known);
    return known;
  };
  const ours = ({labels}: {labels: Readonly<Record<string, string>>}) => labels.pod?.startsWith('probed-');
  for (const {labels, value} of metrics.get('prober_probe_total')?.samples.filter(ours) ?? []) {
    const {results} = of(labels.container);
    results[labels.result ?? ''] = (results[labels.result ?? ''] ?? 0) + value;
  }
  for (const {name, labels, value} of metrics.get('prober_probe_duration_seconds')?.samples.filter(ours) ??
    [])
    if (name.endsWith('_bucket')) {
      const {buckets} = of(labels.container);
      const bound = Number(labels.le === '+Inf' ? Number.MAX_VALUE : labels.le);
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
  return counts;
}

function between(before: Counts, after: Counts): ProbeKind[] {
  return [...after].map(([kind, {results, buckets}]) => {
    const was = before.get(kind);
    const more = (result: string) => (results[result] ?? 0) - (was?.results[result] ?? 0);
    return {
      kind,
      asked: more('successful') + more('failed') + more('unknown'),
      failed: more('failed'),
      unknown: more('unknown'),
      buckets: [...buckets]
        .map(([bound, count]): [number, number] => [bound, count - (was?.buckets.get(bound) ?? 0)])
        .sort(([a], [b]) => a - b),
    };
  });
}

function cpuSeconds(): number {
  const fields = readFileSync(`${proc}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
const rssMb = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`${proc}/status`, 'utf8'))?.[1]) / 1024;
const restarted = () => [...restarts.values()].reduce((sum, count) => sum + count, 0);

async function measure(): Promise<ProbesMeasured> {
  let over = false;
  const churning = Promise.all(Array.from({length: atOnce}, () => comeAndGo(() => over)));
  const before = await counted();
  const [startMs, beganMs] = [performance.now(), Date.now()];
  const [cpu, restartsBefore, unreadyBefore, madeBefore] = [cpuSeconds(), restarted(), unready, made];
  const rss: number[] = [];
  for (let at = 0; at < Number(minutes); at++) {
    await pause(minuteMs);
    rss.push(Math.round(rssMb()));
  }
  const cpuUsed = cpuSeconds() - cpu;
  const cpuOver = performance.now() - startMs;
  const after = await counted();
  const seconds = (performance.now() - startMs) / 1000;
  const churned = made - madeBefore;
  over = true;
  await churning;
  return {
    seconds,
    kinds: between(before, after),
    churned,
    restarts: restarted() - restartsBefore,
    unready: unready - unreadyBefore,
    said: await saidSince(beganMs),
    corePercent: (cpuUsed / cpuOver) * 100_000,
    rssMb: rss,
  };
}

/** What the starts have left to do. */
const settleMs = 20_000;
serveHealth();
follow();
await createProbed();
await pause(settleMs);
process.stdout.write(`${JSON.stringify(await measure())}\n`);
process.exit(0);
