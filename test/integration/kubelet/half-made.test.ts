import {mkdir, writeFile} from 'node:fs/promises';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {run} from '../../../src/edges/process/exec.ts';
import {listShims} from '../../../src/edges/process/process-age.ts';
import {busyboxImage} from '../support/images.ts';
import {until} from '../support/wait.ts';
import {isReady, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

let node: TestNode;
const lostId = 'a'.repeat(64);
beforeAll(async () => {
  node = await startNode({subnet: '10.89.14.0/24'});
  await startLostShim();
}, 60_000);

/** As containerd starts it, and loses it when it is told to give up in that moment. */
async function startLostShim(): Promise<void> {
  const bundle = `${node.containerd.dir}/lost`;
  await mkdir(bundle);
  await writeFile(`${bundle}/config.json`, '{}');
  await run('mkfifo', [`${bundle}/log`]);
  const address = node.config.containerRuntimeEndpoint.replace('unix://', '');
  const args = ['-namespace', 'k8s.io', '-address', address, '-id', lostId, 'start'];
  const env = {TTRPC_ADDRESS: `${address}.ttrpc`};
  await run('containerd-shim-runc-v2', args, {cwd: bundle, env});
  expect(await lostShims()).toBe(1);
}

async function lostShims(): Promise<number> {
  return (await listShims()).filter(({id}) => id === lostId).length;
}
afterAll(async () => {
  await node?.stop();
});

const spec = {terminationGracePeriodSeconds: 2, containers: [sleeper('main')]};
const labelsOf = (name: string, uid: string) => ({
  'io.kubernetes.pod.name': name,
  'io.kubernetes.pod.namespace': 'default',
  'io.kubernetes.pod.uid': uid,
});

/** As the kubelet asks for it, as far as it matters for finding it again. */
async function sandboxOf(name: string, uid: string, attempt = 0): Promise<string> {
  const {runtime} = node.containerd.cri;
  const metadata = {name, namespace: 'default', uid, attempt};
  const config = {
    metadata,
    labels: labelsOf(name, uid),
    logDirectory: `${node.config.podLogsDir}/x`,
    linux: {},
  };
  return (await runtime.runPodSandbox({config})).podSandboxId;
}

async function containerIn(podSandboxId: string, name: string, uid: string): Promise<string> {
  const {runtime} = node.containerd.cri;
  const labels = {...labelsOf(name, uid), 'io.kubernetes.container.name': 'main'};
  const {containerId} = await runtime.createContainer({
    podSandboxId,
    sandboxConfig: {metadata: {name, namespace: 'default', uid, attempt: 0}, linux: {}},
    config: {
      metadata: {name: 'main', attempt: 0},
      image: {image: busyboxImage},
      command: ['sleep', '3600'],
      labels,
      linux: {},
    },
  });
  return containerId;
}

/** A process of the container that the CRI plugin does not know of. */
async function startBehindBack(id: string): Promise<void> {
  const socket = node.config.containerRuntimeEndpoint.replace('unix://', '');
  await run('ctr', ['--address', socket, '-n', 'k8s.io', 'tasks', 'start', '--null-io', '--detach', id]);
}

const states: Record<string, (name: string, uid: string) => Promise<unknown>> = {
  'a sandbox and nothing in it': (name, uid) => sandboxOf(name, uid),
  'a container that was never started': async (name, uid) =>
    containerIn(await sandboxOf(name, uid), name, uid),
  'a container with a process that the runtime forgot': async (name, uid) =>
    startBehindBack(await containerIn(await sandboxOf(name, uid), name, uid)),
  'two sandboxes at once': (name, uid) => sandboxOf(name, uid).then(() => sandboxOf(name, uid, 1)),
  'a sandbox that has ended': async (name, uid) => {
    const podSandboxId = await sandboxOf(name, uid);
    await node.containerd.cri.runtime.stopPodSandbox({podSandboxId});
  },
};

async function left(uid: string): Promise<number> {
  const filter = {labelSelector: {'io.kubernetes.pod.uid': uid}};
  const {items} = await node.containerd.cri.runtime.listPodSandbox({filter});
  const {containers} = await node.containerd.cri.runtime.listContainers({filter});
  return items.length + containers.length;
}

describe('a kubelet that was killed in the middle of a start', () => {
  it.each(Object.entries(states))('goes on from %s', async (what, make) => {
    const name = what.replaceAll(' ', '-');
    await node.agent().stop();
    const {metadata} = await node.create(name, spec);
    await make(name, metadata.uid);
    await node.restart();
    const pod = await node.waitFor(name, 'Ready', isReady);
    expect(statusOf(pod, 'main')?.restartCount).toBe(0);
    const filter = {labelSelector: {'io.kubernetes.pod.uid': metadata.uid}, state: {state: 0}};
    expect((await node.containerd.cri.runtime.listPodSandbox({filter})).items.length).toBe(1);
    await node.remove(name);
    await node.gone(name);
    await until('the runtime has nothing of it', async () => (await left(metadata.uid)) === 0);
  });

  it('ends a shim that the runtime has lost, and no other', async () => {
    await node.create('stays', spec);
    const before = await node.waitFor('stays', 'Ready', isReady);
    await until('it is gone', async () => (await lostShims()) === 0, {timeoutMs: 90_000});
    const after = await node.waitFor('stays', 'Ready', isReady);
    expect(statusOf(after, 'main')?.containerID).toBe(statusOf(before, 'main')?.containerID);
  }, 120_000);

  it('ends a pod that was deleted meanwhile, with the process that the runtime forgot', async () => {
    await node.agent().stop();
    const {metadata} = await node.create('deleted', spec);
    await startBehindBack(
      await containerIn(await sandboxOf('deleted', metadata.uid), 'deleted', metadata.uid),
    );
    await node.remove('deleted');
    await node.restart();
    await node.gone('deleted');
    await until('the runtime has nothing of it', async () => (await left(metadata.uid)) === 0);
  });
});
