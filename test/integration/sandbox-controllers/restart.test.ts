import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, expect, it} from 'vitest';
import {deployments, endpointSlices, pods, replicaSets, services} from '../../../src/lib/resources.ts';
import {type Cluster, eventually, type FakeNode, startCluster, startFakeNode} from './cluster.ts';

const stateDir = mkdtempSync(join(tmpdir(), 'nodectl-sandbox-'));
const namespace = 'default';
const started: {stop(): Promise<void>}[] = [];

afterAll(async () => {
  for (const part of started.reverse()) await part.stop();
  rmSync(stateDir, {recursive: true, force: true});
});

async function start(): Promise<{cluster: Cluster; node: FakeNode}> {
  const cluster = await startCluster({}, stateDir);
  const node = await startFakeNode(cluster.client, 'node-a');
  started.push(cluster, node);
  return {cluster, node};
}

it('goes on where it was stopped in the middle, with neither a pod nor an address too many', async () => {
  const labels = {app: 'web'};
  const template = {metadata: {labels}, spec: {containers: [{name: 'c', image: 'x'}]}};
  let {cluster, node} = await start();
  const made = await cluster.client.create(
    services,
    {metadata: {name: 'web', namespace}, spec: {selector: labels, ports: [{port: 80}]}},
    {namespace},
  );
  await cluster.client.create(
    deployments,
    {metadata: {name: 'web', namespace}, spec: {replicas: 60, selector: {matchLabels: labels}, template}},
    {namespace},
  );
  for (const atLeast of [3, 20, 40]) {
    const {client} = cluster;
    await eventually(
      () => client.list(pods, {namespace}),
      ({items}) => items.length >= atLeast,
    );
    await node.stop();
    await cluster.stop();
    started.length = 0;
    ({cluster, node} = await start());
  }
  const {client} = cluster;
  const done = await eventually(
    () => client.get(deployments, {namespace, name: 'web'}),
    (d) => d.status?.availableReplicas === 60,
    30_000,
  );
  expect(done.status?.replicas).toBe(60);
  expect((await client.list(pods, {namespace})).items).toHaveLength(60);
  expect((await client.list(replicaSets, {namespace})).items).toHaveLength(1);
  expect((await client.get(services, {namespace, name: 'web'})).spec.clusterIP).toBe(made.spec.clusterIP);
  const slices = await eventually(
    () => client.list(endpointSlices, {namespace, labelSelector: 'kubernetes.io/service-name=web'}),
    ({items}) => items.flatMap((s) => s.endpoints ?? []).filter((e) => e.conditions?.ready).length === 60,
  );
  expect(slices.items).toHaveLength(1);
  const taken = client.create(
    services,
    {metadata: {name: 'two', namespace}, spec: {clusterIP: made.spec.clusterIP, ports: [{port: 80}]}},
    {namespace},
  );
  await expect(taken).rejects.toThrow('provided IP is already allocated');
  expect(cluster.warnings).toEqual([]);
});
