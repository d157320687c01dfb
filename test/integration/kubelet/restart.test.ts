import {existsSync} from 'node:fs';
import {mkdir} from 'node:fs/promises';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openCgroups} from '../../../src/edges/cgroups/cgroups.ts';
import {until} from '../support/wait.ts';
import {isReady, shell, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({subnet: '10.89.10.0/24'});
}, 60_000);
afterAll(async () => {
  await node?.stop();
});

const grace = {terminationGracePeriodSeconds: 2};
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

async function containerIds(): Promise<string[]> {
  const {containers} = await node.containerd.cri.runtime.listContainers({});
  return containers.map(({id}) => id).sort();
}

async function sandboxes(): Promise<number> {
  return (await node.containerd.cri.runtime.listPodSandbox({})).items.length;
}

describe('a kubelet that starts again', () => {
  it('finds its pods, touches no container and keeps the restart counts', async () => {
    const crashing = shell('main', 'test -e /out/once || { touch /out/once; exit 1; }; exec sleep 3600', {
      volumeMounts: [{name: 'out', mountPath: '/out'}],
    });
    await Promise.all(names.map((name) => node.create(name, {...grace, containers: [sleeper('main')]})));
    await node.create('twice', {
      ...grace,
      volumes: [{name: 'out', emptyDir: {}}],
      containers: [crashing],
    });
    await Promise.all(names.map((name) => node.waitFor(name, 'Ready', isReady)));
    const restartedOnce = (p: Parameters<typeof statusOf>[0]) => statusOf(p, 'main')?.restartCount === 1;
    await node.waitFor('twice', 'Ready again', (p) => isReady(p) && restartedOnce(p));
    const before = await containerIds();
    await node.restart();
    // Everything has been looked at when a new pod, created last, is Ready.
    await node.create('late', {...grace, containers: [sleeper('main')]});
    await node.waitFor('late', 'Ready', isReady);
    const after = await containerIds();
    expect(before.every((id) => after.includes(id))).toBe(true);
    expect(after.length).toBe(before.length + 1);
    const twice = await node.get('twice');
    expect(statusOf(twice ?? fail(), 'main')).toMatchObject({
      restartCount: 1,
      ready: true,
      lastState: {terminated: {exitCode: 1}},
    });
    expect(await sandboxes()).toBe(names.length + 2);
  });

  it('ends what was deleted while it was away', async () => {
    const agent = node.agent();
    await agent.stop();
    await node.remove('a');
    await node.remove('b', 0);
    await node.restart();
    await node.gone('a');
    await node.gone('b');
    await until('sandboxes of both are gone', async () => (await sandboxes()) === names.length);
  });

  it('takes away what pods of the past have left', async () => {
    const {config} = node;
    const uid = '11111111-2222-4333-8444-555555555555';
    const left = [
      `${config.rootDir}/pods/${uid}/volumes/kubernetes.io~empty-dir/x`,
      `${config.podLogsDir}/default_old_${uid}/main`,
    ];
    for (const path of left) await mkdir(path, {recursive: true});
    const cgroups = await openCgroups();
    const cgroup = `${config.cgroupRoot}/kubepods/besteffort`;
    await cgroups.ensure(`${cgroup}/pod${uid}`, {});
    await node.restart();
    await until('they are gone', async () => {
      const there = [
        ...left.map((path) => existsSync(path)),
        (await cgroups.children(cgroup)).includes(`pod${uid}`),
      ];
      return !there.includes(true);
    });
    expect(isReady((await node.get('c')) ?? fail())).toBe(true);
  });

  it('survives the end of its runtime without a restart of any container', async () => {
    const before = await containerIds();
    await node.containerd.kill();
    await node.containerd.start();
    await node.create('after', {...grace, containers: [sleeper('main')]});
    await node.waitFor('after', 'Ready', isReady, 60_000);
    const after = await containerIds();
    expect(before.every((id) => after.includes(id))).toBe(true);
    for (const name of names.slice(2)) {
      const pod = await node.get(name);
      expect(statusOf(pod ?? fail(), 'main')?.restartCount).toBe(0);
      expect(isReady(pod ?? fail())).toBe(true);
    }
  });

  it('kills what nobody knows', async () => {
    const {runtime} = node.containerd.cri;
    const metadata = {name: 'stray', namespace: 'default', uid: 'stray-uid', attempt: 0};
    const labels = {
      'io.kubernetes.pod.uid': 'stray-uid',
      'io.kubernetes.pod.name': 'stray',
      'io.kubernetes.pod.namespace': 'default',
    };
    await runtime.runPodSandbox({config: {metadata, labels, linux: {}}});
    await until('the stray sandbox is gone', async () => {
      const {items} = await runtime.listPodSandbox({});
      return items.every((item) => item.metadata?.uid !== 'stray-uid');
    });
  });

  it.each(['c', 'd', 'e'])('makes a new sandbox when the old one has died: %s', async (name) => {
    const pod = await node.get(name);
    const uid = pod?.metadata.uid ?? '';
    const {runtime} = node.containerd.cri;
    const podSandboxId = node.agent().sandboxId('default', name) ?? '';
    // The runtime kills the container first: nothing is to be started in a sandbox that ends right behind it.
    await runtime.stopPodSandbox({podSandboxId});
    const again = await node.waitFor(
      name,
      'Ready in a new sandbox',
      (p) => isReady(p) && node.agent().sandboxId('default', name) !== podSandboxId,
    );
    expect(again.metadata.uid).toBe(uid);
    expect(statusOf(again, 'main')?.restartCount).toBe(1);
  });
});

function fail(): never {
  throw new Error('the pod is missing');
}
