import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {deployments, endpointSlices, pods, services} from '../../../src/lib/resources.ts';
import {type Cluster, eventually, type FakeNode, startCluster, startFakeNode} from './cluster.ts';

let cluster: Cluster;
const fakes: FakeNode[] = [];
const namespace = 'default';

beforeAll(async () => {
  cluster = await startCluster();
  for (const name of ['node-a', 'node-b']) fakes.push(await startFakeNode(cluster.client, name));
});

afterAll(async () => {
  for (const fake of fakes) await fake.stop();
  await cluster?.stop();
});

const byService = (name: string) => ({namespace, labelSelector: `kubernetes.io/service-name=${name}`});

describe('many objects', () => {
  it('spreads 150 endpoints over two slices, and ends with exactly the pods that were asked for', async () => {
    const {client} = cluster;
    const labels = {app: 'many'};
    const template = {
      metadata: {labels},
      spec: {containers: [{name: 'c', image: 'x', ports: [{containerPort: 80}]}]},
    };
    await client.create(
      services,
      {metadata: {name: 'many', namespace}, spec: {clusterIP: 'None', selector: labels, ports: [{port: 80}]}},
      {namespace},
    );
    await client.create(
      deployments,
      {metadata: {name: 'many', namespace}, spec: {replicas: 150, selector: {matchLabels: labels}, template}},
      {namespace},
    );
    const slices = await eventually(
      () => client.list(endpointSlices, byService('many')),
      ({items}) => items.flatMap((s) => s.endpoints ?? []).filter((e) => e.conditions?.ready).length === 150,
      60_000,
    );
    expect(slices.items.map((s) => s.endpoints?.length).sort()).toEqual([100, 50]);
    expect(slices.items[0]?.metadata.labels?.['service.kubernetes.io/headless']).toBe('');
    const created = await client.list(pods, {namespace, labelSelector: 'app=many'});
    expect(created.items).toHaveLength(150);
    await client.patch(deployments, {namespace, name: 'many'}, {type: 'merge', body: {spec: {replicas: 0}}});
    const empty = await eventually(
      () => client.list(endpointSlices, byService('many')),
      ({items}) => items.flatMap((s) => s.endpoints ?? []).length === 0,
      60_000,
    );
    expect(empty.items).toHaveLength(1);
  });

  it('loads thousands of services with selectors, each with an address and a slice of its own', async () => {
    const {client} = cluster;
    const count = 2_000;
    const started = performance.now();
    const ips = new Set<string>();
    for (let at = 0; at < count; at += 50)
      await Promise.all(
        Array.from({length: 50}, async (_, n) => {
          const metadata = {name: `svc-${at + n}`, namespace, labels: {bulk: 'yes'}};
          const service = await client.create(
            services,
            {
              metadata,
              spec: {
                type: at === 0 ? 'NodePort' : 'ClusterIP',
                selector: {app: `svc-${at + n}`},
                ports: [{port: 80}],
              },
            },
            {namespace},
          );
          ips.add(service.spec.clusterIP ?? '');
        }),
      );
    expect(ips.size).toBe(count);
    await eventually(
      () => client.list(endpointSlices, {namespace, labelSelector: 'bulk=yes'}),
      ({items}) => items.length === count,
      60_000,
    );
    console.log(`${count} services with slices in ${Math.round(performance.now() - started)} ms`);
  });

  it('said nothing worth a warning', () => expect(cluster.warnings).toEqual([]));
});
