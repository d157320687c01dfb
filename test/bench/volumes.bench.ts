import {readFileSync} from 'node:fs';
import type {Volume} from '../../src/lib/kubernetes.ts';
import {configMaps, secrets} from '../../src/lib/resources.ts';
import {isReady, sleeper, startNode, type TestNode} from '../integration/kubelet/harness.ts';
import {until} from '../integration/support/wait.ts';
import {milliseconds, quantile, type Table} from './table.ts';

const namespace = 'default';
const crowds = [1, 100];
const rounds = 20;
const counts = [0, 5, 20];
const startsEach = 10;
const grace = {terminationGracePeriodSeconds: 0};

/** How fast a change reaches containers, and what volumes cost a pod's start. */
export default async function volumes(): Promise<Table[]> {
  const node = await startNode({subnet: '10.89.43.0/24'});
  try {
    await node.sandbox.client.create(secrets, {metadata: {name: 's', namespace}, data: {key: 'eA=='}});
    await node.sandbox.client.create(configMaps, {metadata: {name: 'c', namespace}, data: {key: '0'}});
    return [await starts(node), await updates(node)];
  } finally {
    await node.stop();
  }
}

async function updates(node: TestNode): Promise<Table> {
  const rows: (string | number)[][] = [];
  let version = 0;
  for (const size of crowds) {
    const names = Array.from({length: size}, (_, at) => `follows-${size}-${at}`);
    const files = await followed(node, names);
    const took: number[] = [];
    for (let round = 0; round < rounds; round++) took.push(...(await change(node, files, String(++version))));
    rows.push([size, ...[0.5, 0.99, 1].map((at) => milliseconds(quantile(took, at)))]);
    await Promise.all(names.map((name) => node.remove(name, 0)));
    await until('all are gone', () => node.agent().pods().length === 0, {timeoutMs: 120_000});
  }
  return {
    title: 'A ConfigMap changed → its bytes visible in the container',
    columns: ['pods', 'p50 ms', 'p99 ms', 'last ms'],
    rows,
    notes: [
      `${rounds} changes each, from the request to the file below /proc/PID/root; Kubernetes takes up to 90 s`,
    ],
  };
}

/** Running pods; the file of each one's volume as its container sees it. */
async function followed(node: TestNode, names: readonly string[]): Promise<string[]> {
  for (const name of names)
    await node.create(name, {
      ...grace,
      volumes: [{name: 'c', configMap: {name: 'c'}}],
      containers: [sleeper('main', {volumeMounts: [{name: 'c', mountPath: '/c'}]})],
    });
  // Asked of the kubelet and seldom: it runs in this very process.
  const ready = () => node.agent().pods().filter(isReady).length === names.length;
  await until('all are ready', ready, {timeoutMs: 240_000, everyMs: 200});
  return Promise.all(
    names.map(async (name) => {
      const containerId = node.agent().containerId(namespace, name, 'main') ?? '';
      const {info} = await node.containerd.cri.runtime.containerStatus({containerId, verbose: true});
      const {pid}: {pid: number} = JSON.parse(info.info ?? '{}');
      return `/proc/${pid}/root/c/key`;
    }),
  );
}

/** Milliseconds until each file shows the new content. */
async function change(node: TestNode, files: readonly string[], content: string): Promise<number[]> {
  const left = new Set(files);
  const took: number[] = [];
  const begin = performance.now();
  const patched = node.sandbox.client.patch(
    configMaps,
    {name: 'c', namespace},
    {type: 'merge', body: {data: {key: content}}},
  );
  while (left.size > 0) {
    if (performance.now() - begin > 60_000) throw new Error(`${left.size} files did not change`);
    for (const file of left)
      if (readFileSync(file, 'utf8') === content) {
        left.delete(file);
        took.push(performance.now() - begin);
      }
    // The kubelet that is measured runs in this very process.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await patched;
  return took;
}

const kinds: readonly ((name: string) => Volume)[] = [
  (name) => ({name, configMap: {name: 'c'}}),
  (name) => ({name, secret: {secretName: 's'}}),
  (name) => ({name, emptyDir: {}}),
  (name) => ({name, downwardAPI: {items: [{path: 'name', fieldRef: {fieldPath: 'metadata.name'}}]}}),
  (name) => ({name, emptyDir: {medium: 'Memory'}}),
];

async function starts(node: TestNode): Promise<Table> {
  const rows: (string | number)[][] = [];
  let floor = 0;
  for (const count of counts) {
    const volumes = Array.from({length: count}, (_, at) => kinds[at % kinds.length]?.(`v${at}`)).filter(
      (volume) => volume !== undefined,
    );
    const volumeMounts = volumes.map(({name}) => ({name, mountPath: `/v/${name}`}));
    const took: number[] = [];
    for (let at = 0; at < startsEach; at++) {
      const name = `starts-${count}-${at}`;
      const begin = performance.now();
      await node.create(name, {...grace, volumes, containers: [sleeper('main', {volumeMounts})]});
      await until(name, async () => isReady((await node.get(name)) ?? never(name)), {everyMs: 2});
      took.push(performance.now() - begin);
      await node.remove(name, 0);
      await node.gone(name);
    }
    const p50 = quantile(took, 0.5);
    if (count === 0) floor = p50;
    rows.push([count, milliseconds(p50), milliseconds(quantile(took, 1)), milliseconds(p50 - floor)]);
  }
  return {
    title: 'A pod with volumes: created → Ready',
    columns: ['volumes', 'p50 ms', 'max ms', 'added ms'],
    rows,
    notes: ['configMap, secret, emptyDir, downwardAPI and emptyDir in memory in turn; one pod at a time'],
  };
}

function never(name: string): never {
  throw new Error(`${name} is not there`);
}
