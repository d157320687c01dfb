import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {mountsAtOrBelow, readMounts} from '../../../src/edges/mounts/mounts.ts';
import {isReady, sleeper, startNode, statusOf, type TestNode} from '../kubelet/harness.ts';
import {until} from '../support/wait.ts';

let node: TestNode;
let disk: string;

beforeAll(async () => {
  node = await startNode({subnet: '10.89.44.0/24'});
  disk = join(node.containerd.dir, 'disk');
  await fs.mkdir(disk);
  // As `/` is on a machine with systemd: what is mounted here is passed on.
  execFileSync('mount', ['--bind', disk, disk]);
  execFileSync('mount', ['--make-rshared', disk]);
}, 60_000);
afterAll(async () => {
  for (const point of mountsAtOrBelow(await readMounts(), disk)) execFileSync('umount', [point]);
  await node?.stop();
});

const pod = (mountPropagation: string) => ({
  terminationGracePeriodSeconds: 1,
  volumes: [{name: 'v', hostPath: {path: disk, type: 'Directory'}}],
  containers: [
    sleeper('main', {
      securityContext: {privileged: mountPropagation === 'Bidirectional'},
      volumeMounts: [{name: 'v', mountPath: '/v', mountPropagation}],
    }),
  ],
});

async function inside(name: string, ...cmd: string[]): Promise<string> {
  const containerId = node.agent().containerId('default', name, 'main') ?? '';
  const {stdout} = await node.containerd.cri.runtime.execSync({containerId, cmd, timeout: 5n});
  return Buffer.from(stdout).toString();
}

it('passes mounts of the host on, and those of a container back, only where that is asked for', async () => {
  const names = ['None', 'HostToContainer', 'Bidirectional'];
  for (const name of names) await node.create(name.toLowerCase(), pod(name));
  for (const name of names) await node.waitFor(name.toLowerCase(), 'Ready', isReady);
  await fs.mkdir(join(disk, 'host'));
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(disk, 'host')]);
  await fs.writeFile(join(disk, 'host/file'), 'seen');
  expect(await inside('none', 'ls', '/v/host')).toBe('');
  expect(await inside('hosttocontainer', 'cat', '/v/host/file')).toBe('seen');
  await inside(
    'bidirectional',
    'sh',
    '-c',
    'mkdir /v/own && mount -t tmpfs tmpfs /v/own && echo back > /v/own/file',
  );
  expect(await fs.readFile(join(disk, 'own/file'), 'utf8')).toBe('back\n');
  for (const name of names) await node.remove(name.toLowerCase());
  for (const name of names) await node.gone(name.toLowerCase());
  // Both are the host's, not the pods': what is mounted outside of pods' directories stays.
  expect(mountsAtOrBelow(await readMounts(), disk)).toHaveLength(3);
});

it('what a container mounts in a volume of its own goes with its pod', async () => {
  const {rootDir} = node.config;
  execFileSync('mount', ['--bind', rootDir, rootDir]);
  execFileSync('mount', ['--make-rshared', rootDir]);
  try {
    const volumes = [{name: 'v', emptyDir: {}}];
    await node.create('mounter', {...pod('Bidirectional'), volumes});
    await node.waitFor('mounter', 'Ready', isReady);
    await inside(
      'mounter',
      'sh',
      '-c',
      'mkdir -p /v/a /v/b; mount -t tmpfs t /v/a; mkdir /v/a/b; mount -t tmpfs t /v/a/b; mount -t tmpfs over /v/a',
    );
    expect(mountsAtOrBelow(await readMounts(), `${rootDir}/pods`)).toHaveLength(3);
    await node.remove('mounter');
    await node.gone('mounter');
    await until('its volumes are gone', async () => (await fs.readdir(`${rootDir}/pods`)).length === 0);
    expect(mountsAtOrBelow(await readMounts(), `${rootDir}/pods`)).toEqual([]);
  } finally {
    execFileSync('umount', [rootDir]);
  }
});

it('says why a mount cannot be passed on', async () => {
  const path = join(node.containerd.dir, 'private');
  await fs.mkdir(path);
  const volumes = [{name: 'v', hostPath: {path}}];
  await node.create('private', {...pod('Bidirectional'), volumes});
  const waiting = await node.waitFor(
    'private',
    'it waits',
    (p) => statusOf(p, 'main')?.state?.waiting?.reason === 'CreateContainerError',
  );
  expect(statusOf(waiting, 'main')?.state?.waiting?.message).toContain('not a shared mount');
  await node.remove('private', 0);
  await node.gone('private');
});
