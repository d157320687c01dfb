import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {mountsAtOrBelow, readMounts} from '../../../src/edges/mounts/mounts.ts';
import type {PersistentVolume, Pod} from '../../../src/lib/kubernetes.ts';
import {events, persistentVolumeClaims, persistentVolumes} from '../../../src/lib/resources.ts';
import {isReady, shell, sleeper, startNode, statusOf, type TestNode} from '../kubelet/harness.ts';
import {busyboxImage} from '../support/images.ts';
import {until} from '../support/wait.ts';

const namespace = 'default';
const grace = {terminationGracePeriodSeconds: 1};
let node: TestNode;
let disk: string;
let loop: string | undefined;

beforeAll(async () => {
  node = await startNode({subnet: '10.89.41.0/24'});
  disk = join(node.containerd.dir, 'disk');
  await fs.mkdir(disk);
}, 60_000);
afterAll(async () => {
  await node?.stop();
  if (loop !== undefined) execFileSync('losetup', ['-d', loop]);
});

async function claim(name: string): Promise<string> {
  const spec = {accessModes: ['ReadWriteOnce'], resources: {requests: {storage: '1Mi'}}};
  const made = await node.sandbox.client.create(persistentVolumeClaims, {metadata: {name, namespace}, spec});
  return made.metadata.uid;
}

/** What a persistent volume controller does. */
async function bind(name: string, uid: string, source: Partial<PersistentVolume['spec']>): Promise<void> {
  const {client} = node.sandbox;
  const claimRef = {kind: 'PersistentVolumeClaim', namespace, name, uid};
  const spec = {accessModes: ['ReadWriteOnce'], capacity: {storage: '1Mi'}, claimRef, ...source};
  await client.create(persistentVolumes, {metadata: {name: `pv-${name}`}, spec});
  await client.patch(
    persistentVolumeClaims,
    {name, namespace},
    {type: 'merge', body: {spec: {volumeName: `pv-${name}`}}},
  );
  const key = {name, namespace, subresource: 'status'};
  await client.patch(persistentVolumeClaims, key, {type: 'merge', body: {status: {phase: 'Bound'}}});
}

const told = (name: string, words: string) =>
  until(`${name} is told ${words}`, async () => {
    const {items} = await node.sandbox.client.list(events, {namespace});
    return items.some(
      ({involvedObject, message}) => involvedObject.name === name && message?.includes(words),
    );
  });
/** An ended pod's object may go before its volumes do. */
async function volumesGone(): Promise<void> {
  const pods = `${node.config.rootDir}/pods`;
  let left: string[] = [];
  await until(
    'all volumes are gone',
    async () => {
      left = [...mountsAtOrBelow(await readMounts(), pods), ...(await fs.readdir(pods))];
      return left.length === 0;
    },
    {instead: () => left.join('\n')},
  );
}
const waits = (reason: string) => (pod: Pod) => statusOf(pod, 'main')?.state?.waiting?.reason === reason;

it('a pod waits for its claim, says why, starts within moments of the binding, and leaves the data', async () => {
  const uid = await claim('data');
  const volumes = [{name: 'v', persistentVolumeClaim: {claimName: 'data'}}];
  const volumeMounts = [{name: 'v', mountPath: '/data', subPath: 'mine'}];
  await node.create('waiter', {
    ...grace,
    restartPolicy: 'Never',
    volumes,
    containers: [shell('main', 'echo written > /data/file', {volumeMounts})],
  });
  await told('waiter', 'error processing PVC default/data: PVC is not bound');
  await node.waitFor('waiter', 'it waits', waits('ContainerCreating'));
  await bind('data', uid, {local: {path: disk}});
  await node.waitFor('waiter', 'it has succeeded', (p) => p.status?.phase === 'Succeeded', 10_000);
  expect(await fs.readFile(join(disk, 'mine/file'), 'utf8')).toBe('written\n');
  await node.remove('waiter');
  await node.gone('waiter');
  await volumesGone();
  expect(await fs.readFile(join(disk, 'mine/file'), 'utf8')).toBe('written\n');
});

it('a pod deleted while the kubelet was down leaves no mount and all data', async () => {
  const uid = await claim('kept');
  await bind('kept', uid, {local: {path: disk}});
  await node.create('away', {
    ...grace,
    volumes: [
      {name: 'v', persistentVolumeClaim: {claimName: 'kept'}},
      {name: 'm', emptyDir: {medium: 'Memory'}},
    ],
    containers: [
      sleeper('main', {
        volumeMounts: [
          {name: 'v', mountPath: '/data', subPath: 'away'},
          {name: 'm', mountPath: '/m'},
        ],
      }),
    ],
  });
  await node.waitFor('away', 'Ready', isReady);
  await fs.writeFile(join(disk, 'away/file'), 'kept');
  await node.restart(() => node.remove('away', 0));
  await volumesGone();
  expect(await fs.readFile(join(disk, 'away/file'), 'utf8')).toBe('kept');
});

it('a container reads and writes a device whole', async () => {
  const image = join(node.containerd.dir, 'image');
  await fs.writeFile(image, '');
  await fs.truncate(image, 1024 * 1024);
  loop = execFileSync('losetup', ['-f', '--show', image], {encoding: 'utf8'}).trim();
  await bind('raw', await claim('raw'), {local: {path: loop}, volumeMode: 'Block'});
  const script = 'test -b /dev/xvda && printf nodectl | dd of=/dev/xvda conv=fsync && head -c 7 /dev/xvda';
  await node.create('raw', {
    ...grace,
    restartPolicy: 'Never',
    volumes: [{name: 'v', persistentVolumeClaim: {claimName: 'raw'}}],
    containers: [shell('main', script, {volumeDevices: [{name: 'v', devicePath: '/dev/xvda'}]})],
  });
  const pod = await node.waitFor('raw', 'it has ended', (p) =>
    /Succeeded|Failed/.test(p.status?.phase ?? ''),
  );
  expect(pod.status?.phase).toBe('Succeeded');
  expect((await fs.readFile(image)).subarray(0, 7).toString()).toBe('nodectl');
  await node.remove('raw');
  await node.gone('raw');
});

it('what the runtime cannot do is refused, not left out', async () => {
  const mount = (recursiveReadOnly: string) => ({
    volumes: [{name: 'v', emptyDir: {}}],
    containers: [
      sleeper('main', {volumeMounts: [{name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly}]}),
    ],
  });
  await node.create('must', {...grace, ...mount('Enabled')});
  await node.create('may', {...grace, ...mount('IfPossible')});
  await node.create('artifact', {
    ...grace,
    volumes: [{name: 'v', image: {reference: busyboxImage, pullPolicy: 'IfNotPresent'}}],
    containers: [sleeper('main', {volumeMounts: [{name: 'v', mountPath: '/v'}]})],
  });
  const must = await node.waitFor('must', 'it waits', waits('CreateContainerConfigError'));
  expect(statusOf(must, 'main')?.state?.waiting?.message).toContain('not supported by the runtime');
  await node.waitFor('may', 'Ready', isReady);
  await node.waitFor('artifact', 'it waits', waits('CreateContainerError'));
  for (const name of ['must', 'may', 'artifact']) {
    await node.remove(name, 0);
    await node.gone(name);
  }
});

it('an image volume that cannot be pulled is told as any other image', async () => {
  await node.create('nothing', {
    ...grace,
    volumes: [{name: 'v', image: {reference: 'localhost:1/nothing:1'}}],
    containers: [sleeper('main', {volumeMounts: [{name: 'v', mountPath: '/v'}]})],
  });
  await node.waitFor('nothing', 'it waits', (pod) =>
    /ErrImagePull|ImagePullBackOff/.test(statusOf(pod, 'main')?.state?.waiting?.reason ?? ''),
  );
  await told('nothing', 'localhost:1/nothing:1');
  await node.remove('nothing', 0);
  await node.gone('nothing');
});
