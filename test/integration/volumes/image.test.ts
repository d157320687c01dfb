import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {isReady, sleeper, startNode, statusOf, type TestNode} from '../kubelet/harness.ts';
import {debianPackage} from '../support/debian.ts';
import {busyboxImage, importImage} from '../support/images.ts';

/** Image volumes are mounted by the runtime: by containerd from 2.1 on. */
const artifact = 'test.local/artifact:1';
let node: TestNode;

beforeAll(async () => {
  const programs = join(debianPackage('forky', 'containerd'), 'usr/bin');
  node = await startNode({subnet: '10.89.42.0/24', programs});
  await importImage(node.containerd.layout.containerdSocket, {
    name: artifact,
    files: [{path: 'dir/'}, {path: 'dir/file', data: 'from the artifact'}],
  });
}, 120_000);
afterAll(async () => {
  await node?.stop();
});

// By subPath from containerd 2.2 on, which Debian does not have yet.
it('ImageVolume should succeed with pod and a pull policy', async () => {
  const volumeMounts = [{name: 'a', mountPath: '/whole'}];
  await node.create('p', {
    terminationGracePeriodSeconds: 1,
    volumes: [{name: 'a', image: {reference: artifact, pullPolicy: 'IfNotPresent'}}],
    containers: [sleeper('main', {volumeMounts})],
  });
  const pod = await node.waitFor('p', 'Ready', isReady);
  expect(statusOf(pod, 'main')?.image).toBe(busyboxImage);
  const containerId = node.agent().containerId('default', 'p', 'main') ?? '';
  const read = async (...cmd: string[]) => {
    const {stdout, exitCode} = await node.containerd.cri.runtime.execSync({containerId, cmd, timeout: 5n});
    return `${exitCode} ${Buffer.from(stdout).toString()}`;
  };
  expect(await read('cat', '/whole/dir/file')).toBe('0 from the artifact');
  expect(await read('touch', '/whole/new')).toMatch(/^1 /);
  await node.remove('p');
  await node.gone('p');
  expect(await readdir(`${node.config.rootDir}/pods`)).toEqual([]);
});

it('a mount is read only with all that is below it, where the runtime can', async () => {
  await node.create('deep', {
    terminationGracePeriodSeconds: 1,
    volumes: [{name: 'v', emptyDir: {}}],
    containers: [
      sleeper('main', {
        volumeMounts: [{name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Enabled'}],
      }),
    ],
  });
  const pod = await node.waitFor('deep', 'Ready', isReady);
  expect(statusOf(pod, 'main')?.volumeMounts).toEqual([
    {name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Enabled'},
  ]);
  await node.remove('deep');
  await node.gone('deep');
});
