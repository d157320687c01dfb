import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {mountsAtOrBelow, readMounts} from '../../../../src/edges/mounts/mounts.ts';
import type {PersistentVolume, Pod} from '../../../../src/lib/kubernetes.ts';
import {
  configMaps,
  events,
  persistentVolumeClaims,
  persistentVolumes,
  secrets,
} from '../../../../src/lib/resources.ts';
import {isReady, shell, sleeper, startNode, statusOf, type TestNode} from '../../kubelet/harness.ts';
import {busyboxImage} from '../../support/images.ts';
import {until} from '../../support/wait.ts';

const namespace = 'default';
const grace = {terminationGracePeriodSeconds: 1};
let node: TestNode;
let disk: string;
const loops: string[] = [];

beforeAll(async () => {
  node = await startNode({subnet: '10.89.41.0/24'});
  disk = join(node.containerd.dir, 'disk');
  await fs.mkdir(disk);
}, 60_000);
afterAll(async () => {
  await node?.stop();
  for (const loop of loops) execFileSync('losetup', ['-d', loop]);
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

/** What claims may be bound to, except CSI, whose drivers have tests of their own. */
const claimed: Readonly<Record<string, () => Promise<Partial<PersistentVolume['spec']>>>> = {
  directory: async () => ({local: {path: await made('directory')}}),
  path: async () => ({hostPath: {path: await made('path')}}),
  formatted: async () => ({local: {path: await device('formatted'), fsType: 'ext4'}}),
  whole: async () => ({local: {path: await device('whole')}, volumeMode: 'Block'}),
};

async function made(name: string): Promise<string> {
  await fs.mkdir(join(disk, name));
  return join(disk, name);
}

async function device(name: string): Promise<string> {
  const image = join(node.containerd.dir, `${name}.img`);
  await fs.writeFile(image, '');
  await fs.truncate(image, 16 * 1024 * 1024);
  const loop = execFileSync('losetup', ['-f', '--show', image], {encoding: 'utf8'}).trim();
  loops.push(loop);
  return loop;
}

it('a pod deleted while the kubelet was down leaves no volume of any kind, and all data', async () => {
  const {client} = node.sandbox;
  const metadata = {name: 'kinds', namespace};
  await client.create(configMaps, {metadata, data: {key: 'value'}});
  await client.create(secrets, {metadata, data: {key: 'aGlkZGVu'}});
  for (const [name, source] of Object.entries(claimed)) await bind(name, await claim(name), await source());
  const token = {serviceAccountToken: {path: 'token'}};
  const files = [
    {name: 'empty', emptyDir: {}},
    {name: 'memory', emptyDir: {medium: 'Memory'}},
    {name: 'config', configMap: {name: 'kinds'}},
    {name: 'secret', secret: {secretName: 'kinds'}},
    {name: 'downward', downwardAPI: {items: [{path: 'n', fieldRef: {fieldPath: 'metadata.name'}}]}},
    {name: 'projected', projected: {sources: [{configMap: {name: 'kinds'}}, token]}},
    {name: 'host', hostPath: {path: await made('host')}},
  ];
  const claims = Object.keys(claimed).map((name) => ({name, persistentVolumeClaim: {claimName: name}}));
  const written = ['empty', 'memory', 'host', 'directory', 'path', 'formatted'];
  const mounted = [...files, ...claims].filter(({name}) => name !== 'whole');
  const main = sleeper('main', {
    volumeMounts: mounted.map(({name}) => ({
      name,
      mountPath: `/${name}`,
      ...(written.includes(name) ? {subPath: 'away'} : {}),
    })),
    volumeDevices: [{name: 'whole', devicePath: '/dev/whole'}],
  });
  await node.create('away', {...grace, volumes: [...files, ...claims], containers: [main]});
  await node.waitFor('away', 'Ready', isReady);
  const outside = ['host', 'directory', 'path'];
  for (const name of outside) await fs.writeFile(join(disk, name, 'away/file'), 'kept');
  await node.restart(() => node.remove('away', 0));
  await volumesGone();
  for (const name of outside) expect(await fs.readFile(join(disk, name, 'away/file'), 'utf8')).toBe('kept');
  // What the device's file system was mounted by goes with its last pod.
  expect(mountsAtOrBelow(await readMounts(), node.config.rootDir)).toEqual([]);
});

it('a container reads and writes a device whole', async () => {
  await bind('raw', await claim('raw'), {local: {path: await device('raw')}, volumeMode: 'Block'});
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
  expect((await fs.readFile(join(node.containerd.dir, 'raw.img'))).subarray(0, 7).toString()).toBe('nodectl');
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
