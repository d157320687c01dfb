import {chmodSync, readFileSync} from 'node:fs';
import {afterAll, beforeAll, expect, it} from 'vitest';
import type {PodSpec} from '../../../src/lib/kubernetes.ts';
import {configMaps, secrets} from '../../../src/lib/resources.ts';
import {newerRuntime} from '../support/newer-runtime.ts';
import {isReady, sleeper, startNode, type TestNode} from './harness.ts';

/** `hostUsers: false` end to end, as test/e2e/common/node/security_context.go: containerd 2 and runc 1.2 have it. */
let node: TestNode;
beforeAll(async () => {
  node = await startNode({subnet: '10.89.45.0/24', programs: await newerRuntime()});
  // Whoever a pod's root is must find the way to its files.
  chmodSync(node.containerd.dir, 0o711);
  await node.sandbox.client.create(
    configMaps,
    {metadata: {name: 'words', namespace: 'default'}, data: {word: 'yes'}},
    {namespace: 'default'},
  );
  await node.sandbox.client.create(
    secrets,
    {metadata: {name: 'hidden', namespace: 'default'}, data: {word: 'eWVz'}},
    {namespace: 'default'},
  );
}, 240_000);
afterAll(async () => {
  await node?.stop();
});

const grace = {terminationGracePeriodSeconds: 1};
const start = async (name: string, spec: Partial<PodSpec>) => {
  await node.create(name, {...grace, containers: [sleeper('main')], ...spec});
  await node.waitFor(name, 'Ready', isReady);
};

async function inside(pod: string, ...cmd: string[]): Promise<string> {
  const containerId = node.agent().containerId('default', pod, 'main') ?? '';
  const {stdout, stderr} = await node.containerd.cri.runtime.execSync({containerId, cmd, timeout: 10n});
  return Buffer.concat([stdout, stderr]).toString().trim();
}

const mapOf = async (pod: string) =>
  (await inside(pod, 'cat', '/proc/self/uid_map')).split(/\s+/).map(Number);

/** The user on the machine that the container's first process is. */
async function userOnMachine(pod: string): Promise<number> {
  const containerId = node.agent().containerId('default', pod, 'main') ?? '';
  const {info} = await node.containerd.cri.runtime.containerStatus({containerId, verbose: true});
  const {pid} = JSON.parse(info.info ?? '{}');
  return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

it('root of a pod is root of the machine only without a user namespace', async () => {
  await start('shared', {hostUsers: true});
  await start('own', {hostUsers: false});
  await start('other', {hostUsers: false});
  expect(await mapOf('shared')).toEqual([0, 0, 2 ** 32 - 1]);
  expect(await userOnMachine('shared')).toBe(0);
  const maps = [await mapOf('own'), await mapOf('other')];
  for (const [first, host = 0, length] of maps) {
    expect([first, host % 65_536, length]).toEqual([0, 0, 65_536]);
    expect(host).toBeGreaterThan(0);
  }
  expect(maps[0]?.[1]).not.toBe(maps[1]?.[1]);
  expect(await userOnMachine('own')).toBe(maps[0]?.[1]);
  expect(await inside('own', 'id', '-u')).toBe('0');
  await node.restart();
  await node.remove('other');
  await node.gone('other');
  await start('third', {hostUsers: false});
  expect(await mapOf('own')).toEqual(maps[0]);
  expect((await mapOf('third'))[1]).not.toBe(maps[0]?.[1]);
});

it('volumes of a pod belong to whom they would without a user namespace', async () => {
  const volumes = [
    {name: 'empty', emptyDir: {}},
    {name: 'words', configMap: {name: 'words'}},
    {name: 'hidden', secret: {secretName: 'hidden'}},
    {name: 'self', downwardAPI: {items: [{path: 'name', fieldRef: {fieldPath: 'metadata.name'}}]}},
    {name: 'all', projected: {sources: [{configMap: {name: 'words'}}]}},
  ];
  const volumeMounts = volumes.map(({name}) => ({name, mountPath: `/v/${name}`}));
  await start('volumes', {
    hostUsers: false,
    securityContext: {fsGroup: 1000},
    volumes,
    containers: [sleeper('main', {volumeMounts})],
  });
  const owners = (path: string) => inside('volumes', 'stat', '-L', '-c', '%u %g', path);
  expect(await owners('/v/empty')).toBe('0 1000');
  expect(await owners('/v/words/word')).toBe('0 1000');
  expect(await owners('/v/hidden/word')).toBe('0 1000');
  expect(await owners('/v/self/name')).toBe('0 1000');
  expect(await owners('/v/all/word')).toBe('0 1000');
  expect(await inside('volumes', 'sh', '-c', 'echo x > /v/empty/x && stat -c "%u %g" /v/empty/x')).toBe(
    '0 1000',
  );
  expect(await inside('volumes', 'cat', '/v/words/word', '/etc/hostname')).toBe('yesvolumes');
});
