import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {isNotFound} from '../../../src/edges/kube/errors.ts';
import type {Deployment} from '../../../src/lib/kubernetes.ts';
import {
  configMaps,
  deployments,
  endpointSlices,
  events,
  namespaces,
  nodes,
  pods,
  replicaSets,
  secrets,
  serviceAccounts,
  services,
} from '../../../src/lib/resources.ts';
import {type Cluster, eventually, type FakeNode, names, startCluster, startFakeNode} from './cluster.ts';

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

const labels = (app: string) => ({app});
const deployment = (name: string, replicas: number, image = 'hello:1', extra: object = {}) => ({
  metadata: {name, namespace},
  spec: {
    replicas,
    selector: {matchLabels: labels(name)},
    template: {
      metadata: {labels: labels(name)},
      spec: {containers: [{name: 'c', image, ports: [{name: 'http', containerPort: 8080}]}]},
    },
    ...extra,
  },
});
const podsOf = async (app: string) =>
  (await cluster.client.list(pods, {namespace, labelSelector: `app=${app}`})).items;
const complete = (d: Deployment, n: number) =>
  d.status?.availableReplicas === n &&
  d.status.updatedReplicas === n &&
  d.status.replicas === n &&
  d.status.observedGeneration === d.metadata.generation;
const rolledOut = (name: string, n: number) =>
  eventually(
    () => cluster.client.get(deployments, {namespace, name}),
    (d) => complete(d, n),
  );

describe('the sandbox control plane', () => {
  it('gives every namespace its account and authority, and nodes their pod networks', async () => {
    const {client} = cluster;
    const found = await eventually(
      () => client.list(nodes),
      ({items}) => items.every((node) => node.spec?.podCIDR && !node.spec.taints?.length),
    );
    expect(found.items.map((node) => node.spec?.podCIDR).sort()).toEqual(['10.244.0.0/24', '10.244.1.0/24']);
    await client.create(namespaces, {metadata: {name: 'fresh'}});
    await eventually(
      () => names(client, serviceAccounts, 'fresh'),
      (n) => n.includes('default'),
    );
    await eventually(
      () => names(client, configMaps, 'fresh'),
      (n) => n.includes('kube-root-ca.crt'),
    );
  });

  it('has what kubeadm leaves behind and the services of every cluster', async () => {
    const {client} = cluster;
    const info = await client.get(configMaps, {namespace: 'kube-public', name: 'cluster-info'});
    expect(JSON.parse(info.data?.kubeconfig ?? '{}').clusters[0].cluster.server).toMatch(
      /^https:\/\/192\.0\.2\.10:\d+$/,
    );
    expect((await client.get(services, {namespace, name: 'kubernetes'})).spec.clusterIP).toBe('10.96.0.1');
    expect((await client.get(services, {namespace: 'kube-system', name: 'kube-dns'})).spec.clusterIP).toBe(
      '10.96.0.10',
    );
    expect(await names(client, configMaps, 'kube-system')).toEqual(
      expect.arrayContaining(['kubeadm-config', 'kubelet-config', 'kube-proxy']),
    );
  });

  it('runs a Deployment behind a Service', async () => {
    const {client} = cluster;
    await client.create(deployments, deployment('web', 3), {namespace});
    const service = await client.create(
      services,
      {
        metadata: {name: 'web', namespace},
        spec: {selector: labels('web'), ports: [{port: 80, targetPort: 'http'}]},
      },
      {namespace},
    );
    expect(service.spec.clusterIP).toMatch(/^10\./);
    const done = await rolledOut('web', 3);
    expect(done.status?.conditions?.map((c) => [c.type, c.status, c.reason]).sort()).toEqual([
      ['Available', 'True', 'MinimumReplicasAvailable'],
      ['Progressing', 'True', 'NewReplicaSetAvailable'],
    ]);
    expect(new Set((await podsOf('web')).map((pod) => pod.spec.nodeName)).size).toBe(2);
    const slices = await eventually(
      () => client.list(endpointSlices, {namespace, labelSelector: 'kubernetes.io/service-name=web'}),
      ({items}) => items[0]?.endpoints?.filter((e) => e.conditions?.ready).length === 3,
    );
    expect(slices.items).toHaveLength(1);
    expect(slices.items[0]?.ports).toEqual([{name: '', port: 8080, protocol: 'TCP'}]);
  });

  it('rolls an update out and back, keeping enough pods available', async () => {
    const {client} = cluster;
    const before = await client.get(deployments, {namespace, name: 'web'});
    const image = (name: string) => ({spec: {template: {spec: {containers: [{name: 'c', image: name}]}}}});
    await client.patch(deployments, {namespace, name: 'web'}, {type: 'strategic', body: image('hello:2')});
    let fewest = 3;
    await eventually(
      async () => {
        const now = await client.get(deployments, {namespace, name: 'web'});
        fewest = Math.min(fewest, now.status?.availableReplicas ?? 0);
        return now;
      },
      (d) => complete(d, 3) && d.metadata.generation !== before.metadata.generation,
    );
    expect(fewest).toBe(3);
    expect(
      (await podsOf('web'))
        .filter((p) => !p.metadata.deletionTimestamp)
        .map((p) => p.spec.containers[0]?.image),
    ).toEqual(['hello:2', 'hello:2', 'hello:2']);
    await client.patch(deployments, {namespace, name: 'web'}, {type: 'strategic', body: image('hello:1')});
    const back = await eventually(
      () => client.get(deployments, {namespace, name: 'web'}),
      (d) => complete(d, 3) && d.metadata.annotations?.['deployment.kubernetes.io/revision'] === '3',
    );
    expect(back.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
    expect((await client.list(replicaSets, {namespace, labelSelector: 'app=web'})).items).toHaveLength(2);
  });

  it('scales, and lets everything go with the Deployment', async () => {
    const {client} = cluster;
    await client.patch(deployments, {namespace, name: 'web'}, {type: 'merge', body: {spec: {replicas: 5}}});
    await rolledOut('web', 5);
    await client.patch(deployments, {namespace, name: 'web'}, {type: 'merge', body: {spec: {replicas: 1}}});
    await rolledOut('web', 1);
    await client.delete(deployments, {namespace, name: 'web'});
    await eventually(
      () => podsOf('web'),
      (list) => list.length === 0,
    );
    await client.delete(services, {namespace, name: 'web'});
    await eventually(
      () => client.list(endpointSlices, {namespace, labelSelector: 'kubernetes.io/service-name=web'}),
      ({items}) => items.length === 0,
    );
  });

  it('recreates only when the old pods are gone', async () => {
    const {client} = cluster;
    await client.create(deployments, deployment('one', 2, 'hello:1', {strategy: {type: 'Recreate'}}), {
      namespace,
    });
    await rolledOut('one', 2);
    await client.patch(
      deployments,
      {namespace, name: 'one'},
      {type: 'strategic', body: {spec: {template: {spec: {containers: [{name: 'c', image: 'hello:2'}]}}}}},
    );
    let mixed = false;
    await eventually(
      async () => {
        const images = new Set((await podsOf('one')).map((p) => p.spec.containers[0]?.image));
        mixed ||= images.size > 1;
        return images;
      },
      (images) => images.has('hello:2') && !images.has('hello:1'),
    );
    expect(mixed).toBe(false);
    await rolledOut('one', 2);
    await client.delete(deployments, {namespace, name: 'one'});
  });

  it('says why a pod cannot be placed, and places it when it can', async () => {
    const {client} = cluster;
    const spec = {
      containers: [{name: 'c', image: 'x', resources: {requests: {cpu: '3'}}}],
      nodeSelector: {disk: 'ssd'},
    };
    await client.create(pods, {metadata: {name: 'picky', namespace}, spec}, {namespace});
    const refused = await eventually(
      () => client.get(pods, {namespace, name: 'picky'}),
      (p) => p.status?.conditions?.some((c) => c.reason === 'Unschedulable') === true,
    );
    expect(refused.status?.conditions?.[0]?.message).toBe(
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
    );
    await eventually(
      () => client.list(events, {namespace, fieldSelector: 'involvedObject.name=picky'}),
      ({items}) => items.some((e) => e.reason === 'FailedScheduling'),
    );
    await client.patch(nodes, {name: 'node-b'}, {type: 'merge', body: {metadata: {labels: {disk: 'ssd'}}}});
    const placed = await eventually(
      () => client.get(pods, {namespace, name: 'picky'}),
      (p) => p.status?.phase === 'Running',
    );
    expect(placed.spec.nodeName).toBe('node-b');
    await client.delete(pods, {namespace, name: 'picky'});
  });

  it('empties a namespace and lets it go', async () => {
    const {client} = cluster;
    const bad = client.create(
      configMaps,
      {metadata: {name: 'x', namespace: 'nowhere'}},
      {namespace: 'nowhere'},
    );
    await expect(bad).rejects.toMatchObject({httpCode: 404});
    await client.create(
      secrets,
      {metadata: {name: 's', namespace: 'fresh'}, stringData: {a: 'b'}},
      {namespace: 'fresh'},
    );
    await client.create(
      pods,
      {metadata: {name: 'p', namespace: 'fresh'}, spec: {containers: [{name: 'c', image: 'x'}]}},
      {namespace: 'fresh'},
    );
    await client.delete(namespaces, {name: 'fresh'});
    await eventually(
      () =>
        client.get(namespaces, {name: 'fresh'}).then(
          () => 'there',
          (e) => (isNotFound(e) ? 'gone' : String(e)),
        ),
      (v) => v === 'gone',
    );
  });

  it('said nothing worth a warning', () => expect(cluster.warnings).toEqual([]));
});
