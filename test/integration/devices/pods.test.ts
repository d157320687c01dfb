import {readFile} from 'node:fs/promises';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {ResourceManagers} from '../../../src/kubelet/managers/manager.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {isReady, sleeper, startNode, statusOf, type TestNode} from '../kubelet/harness.ts';
import {until} from '../support/wait.ts';
import {healthy, resource, startPlugin, type TestPlugin} from './plugin.ts';

let node: TestNode;
let managers: ResourceManagers;
let plugin: TestPlugin;
const directory = () => `${node.config.rootDir}/device-plugins`;

const known = () =>
  until('the plugin has told its devices', () => managers.devices.counts().allocatable[resource] === 2, {
    instead: () => JSON.stringify(managers.devices.counts()),
  });

beforeAll(async () => {
  node = await startNode({
    subnet: '10.89.38.0/24',
    config: {
      cpuManagerPolicy: 'static',
      reservedSystemCPUs: '0',
      systemReserved: {cpu: '1'},
      // Only what has to be done at once is waited for.
      cpuManagerReconcilePeriod: 3_600_000,
    },
    managers: async (config, retry) => {
      managers = await ResourceManagers.start({
        config,
        clock: realClock,
        log: silent,
        onStatus: () => undefined,
        onPods: (uids) => uids.forEach(retry),
        machine: {
          cpus: [0, 1].map((id) => ({id, core: id, socket: 0, node: 0, uncore: 0})),
          nodes: [{id: 0, memoryBytes: 2 ** 32, hugePages: new Map(), distances: [10]}],
        },
      });
      return managers;
    },
  });
  plugin = await startPlugin(directory(), healthy('a', 'b'));
  await plugin.register();
  await known();
}, 120_000);
afterAll(async () => {
  await node?.stop();
  await plugin?.end();
});

const soon = {terminationGracePeriodSeconds: 1};
const device = (count: string) => ({resources: {limits: {[resource]: count}, requests: {[resource]: count}}});

async function inside(pod: Pod, ...cmd: readonly string[]): Promise<string> {
  const id = statusOf(pod, 'main')?.containerID?.replace('containerd://', '') ?? '';
  const answer = await node.containerd.cri.runtime.execSync({containerId: id, cmd: [...cmd], timeout: 10n});
  return Buffer.from(answer.stdout).toString() + Buffer.from(answer.stderr).toString();
}

const health = (pod: Pod) => statusOf(pod, 'main')?.allocatedResourcesStatus?.[0]?.resources;

describe('a container with a device', () => {
  it('sees it, with the mounts and the variables that its plugin wants', async () => {
    await node.create('first', {...soon, containers: [sleeper('main', device('1'))]});
    const pod = await node.waitFor('first', 'Ready', isReady);
    expect(plugin.allocated).toEqual([['b']]);
    expect(plugin.preStarted).toEqual([['b']]);
    expect(await inside(pod, 'stat', '-c', '%t:%T', '/dev/own-b')).toBe('1:3\n');
    expect(await inside(pod, 'ls', '/plugin')).toContain('kubelet.sock');
    expect(await inside(pod, 'sh', '-c', 'echo $OWN_DEVICES')).toBe('b\n');
    expect(health(pod)).toEqual([{resourceID: 'b', health: 'Healthy'}]);
  });

  it('says so when it falls ill', async () => {
    plugin.tell([
      {ID: 'a', health: 'Healthy'},
      {ID: 'b', health: 'Unhealthy'},
    ]);
    await node.waitFor('first', 'unhealthy', (pod) => health(pod)?.[0]?.health === 'Unhealthy');
    plugin.tell(healthy('a', 'b'));
    await node.waitFor('first', 'healthy', (pod) => health(pod)?.[0]?.health === 'Healthy');
  });

  it('keeps it over a restart of the kubelet and of its own, also while the plugin is on its way', async () => {
    const before = await node.waitFor('first', 'Ready', isReady);
    await node.restart(() => plugin.end());
    expect((await node.get('first'))?.status?.containerStatuses?.[0]?.containerID).toBe(
      before.status?.containerStatuses?.[0]?.containerID,
    );
    await inside(before, 'sh', '-c', 'kill -TERM 1');
    await node.waitFor('first', 'waiting for its device', (pod) => {
      const waiting = statusOf(pod, 'main')?.state?.waiting;
      return waiting?.message?.includes('no healthy devices present') === true;
    });
    plugin = await startPlugin(directory(), healthy('a', 'b'));
    await plugin.register();
    const after = await node.waitFor('first', 'Ready again', isReady);
    expect(await inside(after, 'stat', '-c', '%t:%T', '/dev/own-b')).toBe('1:3\n');
    expect(plugin.allocated).toEqual([]);
    expect(plugin.preStarted).toEqual([['b']]);
  });

  it('is refused where there are too few, and gets them when they are free', async () => {
    await known();
    await node.create('second', {...soon, containers: [sleeper('main', device('2'))]});
    const refused = await node.waitFor('second', 'Failed', (pod) => pod.status?.phase === 'Failed');
    expect(refused.status).toMatchObject({
      reason: 'UnexpectedAdmissionError',
      message: `Pod was rejected: Allocate failed due to requested number of devices unavailable for ${resource}. Requested: 2, Available: 1, which is unexpected`,
    });
    await node.remove('first', 0);
    await node.gone('first');
    await node.create('third', {...soon, containers: [sleeper('main', device('2'))]});
    const pod = await node.waitFor('third', 'Ready', isReady);
    expect(health(pod)).toHaveLength(2);
    for (const name of ['second', 'third']) {
      await node.remove(name, 0);
      await node.gone(name);
    }
  });
});

describe('a container with a processor of its own', () => {
  const cpus = async (pod: Pod) =>
    /Cpus_allowed_list:\s+(\S+)/.exec(await inside(pod, 'cat', '/proc/1/status'))?.[1];
  const runsOn = (pod: Pod, list: string) =>
    until(`${pod.metadata.name} runs on ${list}`, async () => (await cpus(pod)) === list, {
      instead: async () => String(await cpus(pod)),
    });

  it('has it alone: what shares moves away, and back when it has ended', async () => {
    await node.create('shared', {...soon, containers: [sleeper('main')]});
    const shared = await node.waitFor('shared', 'Ready', isReady);
    expect(await cpus(shared)).toBe('0-1');
    const amounts = {cpu: '1', memory: '32Mi'};
    const own = sleeper('main', {resources: {requests: amounts, limits: amounts}});
    await node.create('own', {...soon, containers: [own]});
    const alone = await node.waitFor('own', 'Ready', isReady);
    expect(await cpus(alone)).toBe('1');
    await runsOn(shared, '0');
    // Nobody else is there to be kept from it: no quota.
    expect(
      await inside(alone, 'cat', '/sys/fs/cgroup/cpu/cpu.cfs_quota_us', '/sys/fs/cgroup/cpu.max'),
    ).toMatch(/^(-1\n|[\s\S]*max 100000)/);
    const state = JSON.parse(await readFile(`${node.config.rootDir}/cpu_manager_state`, 'utf8'));
    expect(state).toMatchObject({
      policyName: 'static',
      defaultCpuSet: '0',
      entries: {[alone.metadata.uid]: {main: '1'}},
    });
    await node.restart();
    await runsOn(alone, '1');
    await node.create('more', {...soon, containers: [own]});
    const refused = await node.waitFor('more', 'Failed', (pod) => pod.status?.phase === 'Failed');
    expect(refused.status?.message).toContain(
      'not enough cpus available to satisfy request: requested=1, available=0',
    );
    await node.remove('own', 0);
    await node.gone('own');
    await until('the processor is shared again', async () => {
      await managers.collect();
      return (await cpus(shared)) === '0-1';
    });
  });
});
