import {afterAll, beforeAll, expect, it} from 'vitest';
import {persistentVolumeClaims, persistentVolumes, pods} from '../../../../src/lib/resources.ts';
import {type Cluster, startCluster} from '../../sandbox-controllers/cluster.ts';
import {until} from '../../support/wait.ts';

const namespace = 'default';
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
});

const spec = {accessModes: ['ReadWriteOnce'], resources: {requests: {storage: '1Gi'}}};
const offer = (path: string) => ({accessModes: ['ReadWriteOnce'], capacity: {storage: '1Gi'}, local: {path}});

async function bound(name: string): Promise<string> {
  let last: unknown;
  const claim = await until(
    `${name} is bound`,
    async () => {
      const found = await cluster.client.get(persistentVolumeClaims, {namespace, name});
      last = found;
      return found.status?.phase === 'Bound' ? found : undefined;
    },
    {timeoutMs: 10_000, instead: () => JSON.stringify(last)},
  );
  const volume = await cluster.client.get(persistentVolumes, {name: claim.spec.volumeName ?? ''});
  expect(volume.status?.phase).toBe('Bound');
  expect(volume.spec.claimRef?.uid).toBe(claim.metadata.uid);
  expect(claim.status?.capacity).toEqual({storage: '1Gi'});
  return volume.metadata.name;
}

it('the sandbox binds a claim as soon as there is a volume for it, and lets the volume go with the claim', async () => {
  const {client} = cluster;
  await client.create(persistentVolumeClaims, {metadata: {name: 'data', namespace}, spec});
  await until('the claim waits', async () => {
    const claim = await client.get(persistentVolumeClaims, {namespace, name: 'data'});
    return claim.status?.phase === 'Pending';
  });
  await client.create(persistentVolumes, {metadata: {name: 'pv'}, spec: offer('/mnt/a')});
  expect(await bound('data')).toBe('pv');
  await client.delete(persistentVolumeClaims, {namespace, name: 'data'});
  await until('the volume is let go', async () => {
    const volume = await client.get(persistentVolumes, {name: 'pv'});
    return volume.status?.phase === 'Released';
  });
});

it('the sandbox makes the claim of a generic ephemeral volume, owned by its pod', async () => {
  const {client} = cluster;
  await client.create(persistentVolumes, {metadata: {name: 'scratch'}, spec: offer('/mnt/b')});
  const template = {metadata: {labels: {made: 'for-pod'}}, spec};
  const pod = await client.create(pods, {
    metadata: {name: 'p', namespace},
    spec: {
      containers: [{name: 'main', image: 'x'}],
      volumes: [{name: 'v', ephemeral: {volumeClaimTemplate: template}}],
    },
  });
  const claim = await until('there is a claim', () =>
    client.get(persistentVolumeClaims, {namespace, name: 'p-v'}),
  );
  expect(claim.metadata.labels).toEqual({made: 'for-pod'});
  expect(claim.metadata.ownerReferences).toMatchObject([
    {kind: 'Pod', uid: pod.metadata.uid, controller: true},
  ]);
  expect(await bound('p-v')).toBe('scratch');
});
