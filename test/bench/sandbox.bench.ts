import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {realClock} from '../../src/edges/clock.ts';
import {loadKubeconfig} from '../../src/edges/kube/connection.ts';
import {connectKube, type KubeConnectionClient} from '../../src/edges/kube/http-client.ts';
import {silent} from '../../src/lib/log.ts';
import {endpointSlices, services} from '../../src/lib/resources.ts';
import {startControlPlane} from '../../src/sandbox/control-plane.ts';
import {until} from '../integration/support/wait.ts';
import type {Table} from './table.ts';

const count = 10_000;
const changes = 3000;
const watchers = 5;

/** How fast the control plane takes a large cluster over HTTPS, and tells watchers of changes. */
export default async function sandbox(): Promise<Table[]> {
  const stateDir = mkdtempSync(join(tmpdir(), 'nodectl-bench-'));
  const plane = await startControlPlane({
    stateDir,
    address: '127.0.0.1',
    port: 0,
    serviceCidr: '10.96.0.0/12',
    podCidr: '10.244.0.0/16',
    clusterDomain: 'cluster.local',
    dnsServiceIp: '10.96.0.10',
    dnsPort: 0,
    version: 'v1.36.0',
    log: silent,
    clock: realClock,
  });
  try {
    const client = connectKube(await loadKubeconfig(plane.files.adminKubeconfig));
    const rows = [await load(client, 'Services'), await load(client, 'EndpointSlices'), await watch(client)];
    await client.close();
    const rss = Math.round(process.memoryUsage().rss / 1024 / 1024);
    const notes = [`client and server in one process of ${rss} MB`];
    return [{title: 'The sandbox over HTTPS', columns: ['what', 'how many', 's', 'a second'], rows, notes}];
  } finally {
    await plane.close();
    rmSync(stateDir, {recursive: true, force: true});
  }
}

async function load(
  client: KubeConnectionClient,
  what: 'Services' | 'EndpointSlices',
): Promise<Table['rows'][number]> {
  const create = (at: number) => (what === 'Services' ? createService(client, at) : createSlice(client, at));
  return row(`${what} created`, count, await timed(() => many(count, create)));
}

const createService = (client: KubeConnectionClient, at: number) =>
  client.create(services, {
    metadata: {name: `s${at}`, namespace: 'default'},
    spec: {ports: [{name: 'http', port: 80}]},
  });

const createSlice = (client: KubeConnectionClient, at: number) =>
  client.create(endpointSlices, {
    metadata: {name: `s${at}`, namespace: 'default', labels: {'kubernetes.io/service-name': `s${at}`}},
    addressType: 'IPv4',
    ports: [{name: 'http', port: 80, protocol: 'TCP'}],
    endpoints: [{addresses: ['10.200.0.1']}, {addresses: ['10.200.0.2']}],
  });

async function watch(client: KubeConnectionClient): Promise<Table['rows'][number]> {
  const {resourceVersion} = await client.list(endpointSlices, {limit: 1});
  const stop = new AbortController();
  let seen = 0;
  const watching = Array.from({length: watchers}, async () => {
    for await (const {type} of client.watch(endpointSlices, {resourceVersion}, stop.signal))
      if (type === 'MODIFIED') seen++;
  });
  const touch = (at: number) =>
    client.patch(
      endpointSlices,
      {namespace: 'default', name: `s${at}`},
      {type: 'merge', body: {metadata: {annotations: {changed: 'yes'}}}},
    );
  const ms = await timed(async () => {
    await many(changes, touch);
    await until('every watcher saw every change', () => seen === changes * watchers, {timeoutMs: 120_000});
  });
  stop.abort();
  await Promise.allSettled(watching);
  return row(`changes seen by ${watchers} watchers`, changes, ms);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function row(what: string, many: number, ms: number): Table['rows'][number] {
  return [what, many, (ms / 1000).toFixed(1), Math.round((many / ms) * 1000)];
}

async function many(total: number, act: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < total) await act(next++);
  };
  await Promise.all(Array.from({length: 8}, lane));
}
