import {readdirSync, readFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {events, pods} from '../../../src/lib/resources.ts';
import {until} from '../support/wait.ts';
import {condition, isReady, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({subnet: '10.89.15.0/24'});
}, 60_000);
afterAll(async () => {
  await node?.stop();
});

type Resources = {requests?: Record<string, string>; limits?: Record<string, string>};
const both = (cpu: string, memory: string): Resources => ({
  requests: {cpu, memory},
  limits: {cpu, memory},
});
const grace = {terminationGracePeriodSeconds: 2};

function resize(name: string, containers: Record<string, Resources>, inits: Record<string, Resources> = {}) {
  const list = (of: Record<string, Resources>) =>
    Object.entries(of).map(([container, resources]) => ({name: container, resources}));
  const spec = {
    ...(Object.keys(containers).length > 0 ? {containers: list(containers)} : {}),
    ...(Object.keys(inits).length > 0 ? {initContainers: list(inits)} : {}),
  };
  const key = {namespace: 'default', name, subresource: 'resize'};
  return node.sandbox.client.patch(pods, key, {type: 'strategic', body: {spec}}, {});
}

function isResized(pod: Pod): boolean {
  const {generation = 0} = pod.metadata;
  return (
    (pod.status?.observedGeneration ?? 0) >= generation &&
    condition(pod, 'PodResizePending') === undefined &&
    condition(pod, 'PodResizeInProgress') === undefined &&
    isReady(pod)
  );
}

const v2 = readdirSync('/sys/fs/cgroup').includes('cgroup.controllers');

/** What the kernel has, of the pod's own cgroup or of a container in it. */
function kernel(pod: Pod, container?: string) {
  const qos = pod.status?.qosClass === 'Guaranteed' ? '' : '/burstable';
  const id =
    container === undefined
      ? ''
      : `/${statusOf(pod, container)?.containerID?.replace('containerd://', '') ?? 'none'}`;
  const path = `${node.config.cgroupRoot}/kubepods${qos}/pod${pod.metadata.uid}${id}`;
  const read = (controller: string, file: string) =>
    readFileSync(`/sys/fs/cgroup${v2 ? '' : `/${controller}`}${path}/${file}`, 'utf8').trim();
  return v2
    ? {memory: read('memory', 'memory.max'), cpu: read('cpu', 'cpu.max').split(' ')[0]}
    : {memory: read('memory', 'memory.limit_in_bytes'), cpu: read('cpu', 'cpu.cfs_quota_us')};
}

const mi = 2 ** 20;

describe('a resize', () => {
  it('up and down again reaches the kernel and the status, and restarts nothing', async () => {
    const [small, large] = [both('20m', '35Mi'), both('25m', '40Mi')];
    await node.create('plain', {...grace, containers: [{...sleeper('main'), resources: small}]});
    const before = await node.waitFor('plain', 'Ready', isReady);
    expect(statusOf(before, 'main')).toMatchObject({resources: small, allocatedResources: small.requests});
    for (const [wanted, milli, bytes] of [
      [large, 25, 40 * mi],
      [both('15m', '30Mi'), 15, 30 * mi],
    ] as const) {
      await resize('plain', {main: wanted});
      const pod = await node.waitFor('plain', 'resized', isResized);
      expect(statusOf(pod, 'main')).toMatchObject({
        resources: wanted,
        allocatedResources: wanted.requests,
        restartCount: 0,
        containerID: statusOf(before, 'main')?.containerID,
      });
      expect(kernel(pod, 'main')).toEqual({memory: String(bytes), cpu: String(milli * 100)});
      expect(kernel(pod)).toEqual({memory: String(bytes), cpu: String(milli * 100)});
    }
    const {items} = await node.sandbox.client.list(events, {namespace: 'default'});
    const told = items.filter(({involvedObject}) => involvedObject.name === 'plain').map((e) => e.reason);
    expect(told).toEqual(expect.arrayContaining(['ResizeStarted', 'ResizeCompleted']));
  });

  it('of several containers in both directions goes through', async () => {
    const containers = ['a', 'b', 'c'].map((name) => ({...sleeper(name), resources: both('20m', '35Mi')}));
    await node.create('several', {...grace, containers});
    await node.waitFor('several', 'Ready', isReady);
    const wanted = {a: both('25m', '40Mi'), b: both('15m', '40Mi'), c: both('15m', '30Mi')};
    await resize('several', wanted);
    const pod = await node.waitFor('several', 'resized', isResized);
    for (const [name, resources] of Object.entries(wanted))
      expect(statusOf(pod, name)).toMatchObject({resources, restartCount: 0});
    expect(kernel(pod)).toEqual({memory: String(110 * mi), cpu: '5500'});
  });

  it('restarts a container whose policy says so, also where its exit would end it', async () => {
    const policy = [{resourceName: 'memory', restartPolicy: 'RestartContainer'}];
    const main = {...sleeper('main'), resources: both('20m', '35Mi'), resizePolicy: policy};
    await node.create('again', {...grace, restartPolicy: 'OnFailure', containers: [main]});
    await node.waitFor('again', 'Ready', isReady);
    await resize('again', {main: both('25m', '35Mi')});
    const still = await node.waitFor('again', 'resized', isResized);
    expect(statusOf(still, 'main')?.restartCount).toBe(0);
    for (const [count, memory] of [
      [1, '40Mi'],
      [2, '35Mi'],
    ] as const) {
      await resize('again', {main: both('25m', memory)});
      const pod = await node.waitFor('again', `restart ${count}`, (p) => {
        return isResized(p) && statusOf(p, 'main')?.restartCount === count;
      });
      expect(statusOf(pod, 'main')?.resources).toEqual(both('25m', memory));
      expect(kernel(pod, 'main').memory).toBe(String(Number.parseInt(memory, 10) * mi));
    }
  });

  it('gives the pod room before a container starts again with more', async () => {
    const resizePolicy = ['cpu', 'memory'].map((resourceName) => ({
      resourceName,
      restartPolicy: 'RestartContainer',
    }));
    const main = {...sleeper('main'), resources: both('20m', '35Mi'), resizePolicy};
    await node.create('more', {...grace, containers: [main]});
    await node.waitFor('more', 'Ready', isReady);
    await resize('more', {main: both('40m', '30Mi')});
    const pod = await node.waitFor('more', 'restarted', (p) => {
      return isResized(p) && statusOf(p, 'main')?.restartCount === 1;
    });
    for (const of of [undefined, 'main'])
      expect(kernel(pod, of)).toEqual({memory: String(30 * mi), cpu: '4000'});
  });

  it('reaches sidecars and init containers that run', async () => {
    const sidecar = {...sleeper('side'), restartPolicy: 'Always', resources: both('20m', '35Mi')};
    const init = {...sleeper('first'), resources: both('20m', '35Mi')};
    const main = {...sleeper('main'), resources: both('20m', '35Mi')};
    await node.create('inits', {...grace, initContainers: [sidecar, init], containers: [main]});
    const running = (p: Pod) => statusOf(p, 'first')?.state?.running !== undefined;
    await node.waitFor('inits', 'initializing', running);
    const wanted = both('25m', '40Mi');
    await resize('inits', {}, {side: wanted, first: wanted});
    const pod = await node.waitFor('inits', 'both are told', (p) =>
      ['side', 'first'].every((name) => statusOf(p, name)?.resources?.limits?.memory === '40Mi'),
    );
    for (const name of ['side', 'first'])
      expect(kernel(pod, name)).toEqual({memory: String(40 * mi), cpu: '2500'});
  });

  it('below what is in use is not done, says so, and can be taken back', async () => {
    const main = {...sleeper('main'), resources: {requests: {memory: '35Mi'}, limits: {memory: '35Mi'}}};
    await node.create('tight', {...grace, containers: [main]});
    await node.waitFor('tight', 'Ready', isReady);
    await resize('tight', {main: {requests: {memory: '10Ki'}, limits: {memory: '10Ki'}}});
    const pod = await node.waitFor('tight', 'an error', (p) =>
      /memory limit \(\d+\) below current usage/.test(
        p.status?.conditions?.find((c) => c.type === 'PodResizeInProgress' && c.reason === 'Error')
          ?.message ?? '',
      ),
    );
    expect(condition(pod, 'PodResizePending')).toBeUndefined();
    expect(statusOf(pod, 'main')?.resources?.limits?.memory).toBe('35Mi');
    await resize('tight', {main: {requests: {memory: '35Mi'}, limits: {memory: '35Mi'}}});
    const back = await node.waitFor('tight', 'resized', isResized);
    expect(statusOf(back, 'main')).toMatchObject({restartCount: 0});
  });

  it('that does not fit waits, and is done when there is room', async () => {
    await node.create('wide', {
      ...grace,
      containers: [{...sleeper('main'), resources: {requests: {cpu: '1'}}}],
    });
    await node.create('hopes', {
      ...grace,
      containers: [{...sleeper('main'), resources: {requests: {cpu: '100m'}}}],
    });
    await node.waitFor('wide', 'Ready', isReady);
    await node.waitFor('hopes', 'Ready', isReady);
    await resize('hopes', {main: {requests: {cpu: '1500m'}}});
    const pod = await node.waitFor('hopes', 'Deferred', (p) =>
      (p.status?.conditions ?? []).some((c) => c.type === 'PodResizePending' && c.reason === 'Deferred'),
    );
    const pending = pod.status?.conditions?.find((c) => c.type === 'PodResizePending');
    expect(pending).toMatchObject({status: 'True', observedGeneration: pod.metadata.generation});
    expect(pending?.message).toMatch(/Node didn't have enough resource: cpu/);
    expect(statusOf(pod, 'main')).toMatchObject({allocatedResources: {cpu: '100m'}});
    await node.restart();
    await node.remove('wide', 0);
    const done = await node.waitFor('hopes', 'resized', isResized);
    expect(statusOf(done, 'main')).toMatchObject({allocatedResources: {cpu: '1500m'}, restartCount: 0});
    await node.remove('hopes', 0);
    await node.gone('hopes');
  });

  it('that was asked for while the kubelet was away is done, not taken for what was given', async () => {
    await node.create('away', {...grace, containers: [{...sleeper('main'), resources: both('20m', '35Mi')}]});
    await node.waitFor('away', 'Ready', isReady);
    await node.agent().stop();
    await resize('away', {main: both('25m', '40Mi')});
    await node.restart();
    const pod = await node.waitFor('away', 'resized', (p) => {
      return isResized(p) && statusOf(p, 'main')?.resources?.limits?.memory === '40Mi';
    });
    expect(statusOf(pod, 'main')?.restartCount).toBe(0);
    expect(kernel(pod, 'main')).toEqual({memory: String(40 * mi), cpu: '2500'});
    await until('its pod grew too', () => kernel(pod).memory === String(40 * mi));
  });
});
