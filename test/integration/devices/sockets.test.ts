import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {connect as connectHttp2} from 'node:http2';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {createClient} from '@connectrpc/connect';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../src/config/kubelet.ts';
import {realClock} from '../../../src/edges/clock.ts';
import {grpcOverSocket} from '../../../src/edges/http/unix-grpc.ts';
import {PodResourcesLister} from '../../../src/edges/pod-resources/gen/podresources_pb.ts';
import {PodResourcesLister as AlphaLister} from '../../../src/edges/pod-resources/gen/podresources_v1alpha1_pb.ts';
import {ResourceManagers} from '../../../src/kubelet/managers/manager.ts';
import {startPodResources} from '../../../src/kubelet/podresources/start.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {until} from '../support/wait.ts';
import {healthy, register, resource, startPlugin, type TestPlugin} from './plugin.ts';

let rootDir: string;
let managers: ResourceManagers;
let changedPods: string[];
const plugins: TestPlugin[] = [];

async function begin(): Promise<void> {
  managers = await ResourceManagers.start({
    config: loadKubeletConfig([], {rootDir}, 'node-1').config,
    clock: realClock,
    log: silent,
    onStatus: () => undefined,
    onPods: (uids) => changedPods.push(...uids),
  });
}

async function plug(...ids: readonly string[]): Promise<TestPlugin> {
  const plugin = await startPlugin(`${rootDir}/device-plugins`, healthy(...ids));
  plugins.push(plugin);
  await plugin.register();
  return plugin;
}

const counts = () => JSON.stringify(managers.devices.counts());
const counted = (capacity: number, allocatable: number) =>
  until(
    `${capacity} devices, ${allocatable} of them free to give`,
    () => {
      const found = managers.devices.counts();
      return found.capacity[resource] === capacity && found.allocatable[resource] === allocatable;
    },
    {instead: counts},
  );

function pod(uid: string, count: number, init?: number): Pod {
  const asking = (name: string, amount: number) => ({
    name,
    resources: {limits: {[resource]: String(amount)}, requests: {[resource]: String(amount)}},
  });
  return {
    metadata: {name: uid, namespace: 'default', uid, resourceVersion: '1'},
    spec: {
      containers: [asking('main', count)],
      ...(init === undefined ? {} : {initContainers: [asking('init', init)]}),
    },
  };
}

beforeEach(async () => {
  rootDir = await mkdtemp(`${tmpdir()}/nodectl-dev-`);
  changedPods = [];
  await begin();
});
afterEach(async () => {
  await managers.stop();
  for (const plugin of plugins.splice(0)) await plugin.end();
  await rm(rootDir, {recursive: true});
});

describe('device plugins', () => {
  it('count while they are there, healthy ones apart, and as none when they have gone', async () => {
    const plugin = await plug('a', 'b');
    await counted(2, 2);
    plugin.tell([
      {ID: 'a', health: 'Healthy'},
      {ID: 'b', health: 'Unhealthy'},
    ]);
    await counted(2, 1);
    await plugin.end();
    await counted(2, 0);
    await plug('a', 'b', 'c');
    await counted(3, 3);
  });

  it('give each device to one container, and again what an init container has left', async () => {
    const plugin = await plug('a', 'b', 'c');
    await counted(3, 3);
    expect(await managers.allocate(pod('one', 2, 1))).toBeUndefined();
    // The init container's device first, then what the plugin prefers.
    expect(plugin.allocated).toEqual([['c'], ['c', 'b']]);
    expect(await managers.allocate(pod('two', 2))).toEqual({
      reason: 'UnexpectedAdmissionError',
      message: `Allocate failed due to requested number of devices unavailable for ${resource}. Requested: 2, Available: 1, which is unexpected`,
    });
    managers.follow({inUse: () => new Set(), onPlaced: () => undefined});
    expect(await managers.allocate(pod('two', 3))).toBeUndefined();
  });

  it('refuse with the words of the plugin', async () => {
    const plugin = await plug('a');
    await counted(1, 1);
    plugin.failNext('the device is on fire');
    expect(await managers.allocate(pod('one', 1))).toEqual({
      reason: 'UnexpectedAdmissionError',
      message:
        'Allocate failed due to rpc error: code = Unknown desc = the device is on fire, which is unexpected',
    });
    expect(await managers.allocate(pod('one', 1))).toBeUndefined();
  });

  it('are told of pods whose devices fall ill', async () => {
    const plugin = await plug('a');
    await counted(1, 1);
    await managers.allocate(pod('one', 1));
    expect(managers.status('one', 'main')).toEqual([
      {name: resource, resources: [{resourceID: 'a', health: 'Healthy'}]},
    ]);
    changedPods = [];
    plugin.tell([{ID: 'a', health: 'Unhealthy'}]);
    await counted(1, 0);
    expect(changedPods).toEqual(['one']);
    expect(managers.status('one', 'main')?.[0]?.resources?.[0]?.health).toBe('Unhealthy');
  });

  it('keep what they gave over a restart, and count again when they have registered', async () => {
    const plugin = await plug('a', 'b');
    await counted(2, 2);
    await managers.allocate(pod('one', 1));
    expect(managers.devices.counts().fresh).toBe(true);
    await managers.stop();
    await begin();
    // The sockets of plugins go with the restart, so that they notice it.
    expect((await readdir(`${rootDir}/device-plugins`)).sort()).toEqual([
      'kubelet.sock',
      'kubelet_internal_checkpoint',
    ]);
    expect(managers.devices.counts()).toMatchObject({capacity: {[resource]: 0}, fresh: false});
    const [main] = pod('one', 1).spec.containers;
    if (main === undefined) throw new Error('no container');
    expect(managers.waitsFor(pod('one', 1), main)).toContain('no healthy devices present');
    await plugin.end();
    const again = await plug('a', 'b');
    await counted(2, 2);
    expect(managers.waitsFor(pod('one', 1), main)).toBeUndefined();
    const added = await managers.additions(pod('one', 1), main);
    expect(added.environment).toEqual([{name: 'OWN_DEVICES', value: 'b'}]);
    expect(again.preStarted).toEqual([['b']]);
    expect(await managers.allocate(pod('two', 2))).toMatchObject({reason: 'UnexpectedAdmissionError'});
    const file = JSON.parse(await readFile(`${rootDir}/device-plugins/kubelet_internal_checkpoint`, 'utf8'));
    expect(file.Data.PodDeviceEntries).toMatchObject([
      {PodUID: 'one', ContainerName: 'main', ResourceName: resource, DeviceIDs: {'-1': ['b']}},
    ]);
  });

  it('are refused with another version or a name that is no extended resource', async () => {
    const socket = `${rootDir}/device-plugins/kubelet.sock`;
    await expect(register(socket, 'x.sock', resource, 'v1alpha')).rejects.toThrow(
      'requested API version "v1alpha" is not supported by kubelet. Supported version is "v1beta1"',
    );
    await expect(register(socket, 'x.sock', 'cpu')).rejects.toThrow('the ResourceName "cpu" is invalid');
  });

  it('may name the socket as authority, as Go clients do that dial a path', async () => {
    const path = `${rootDir}/device-plugins/kubelet.sock`;
    const client = connectHttp2('http://localhost', {createConnection: () => connect(path)});
    const statuses: unknown[] = [];
    for (let call = 0; call < 2; call++) {
      const stream = client.request({
        ':path': '/v1beta1.Registration/Register',
        ':method': 'POST',
        ':authority': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      // An empty message: refused by us, not by HTTP/2.
      stream.end(Buffer.alloc(5));
      stream.resume();
      await new Promise<void>((resolve, reject) => {
        stream.on('response', (headers) => statuses.push(headers[':status']));
        stream.on('error', reject);
        stream.on('close', resolve);
      });
    }
    client.close();
    expect(statuses).toEqual([200, 200]);
  });
});

describe('the podresources API', () => {
  it('tells who has what in v1alpha1 too, for exporters of old', async () => {
    await plug('a', 'b', 'c');
    await counted(3, 3);
    const one = pod('one', 1, 1);
    await managers.allocate(one);
    // Of old, pods that are over are told of too: nothing is theirs any more.
    const over = pod('over', 1);
    const server = await startPodResources({
      config: {rootDir, featureGates: {}},
      managers,
      agent: {active: () => [], pods: () => [one, over], find: () => undefined},
      clock: realClock,
    });
    const {transport, close} = grpcOverSocket(`${rootDir}/pod-resources/kubelet.sock`, 5000);
    try {
      const {podResources} = await createClient(AlphaLister, transport).list({});
      expect(podResources).toMatchObject([
        {
          name: 'one',
          namespace: 'default',
          containers: [{name: 'main', devices: [{resourceName: resource, deviceIds: ['c']}]}],
        },
        {name: 'over', containers: [{name: 'main', devices: []}]},
      ]);
      expect(podResources[0]?.containers).toHaveLength(1);
    } finally {
      close();
      await server.close();
    }
  });

  it('tells who has what, what there is, and no client too often', async () => {
    await plug('a', 'b');
    await counted(2, 2);
    const one = pod('one', 1);
    await managers.allocate(one);
    let elapsedMs = 0;
    const server = await startPodResources({
      config: {rootDir, featureGates: {}},
      managers,
      agent: {
        active: () => [{pod: one, isStatic: false, ending: false}],
        pods: () => [one, pod('over', 1)],
        find: (namespace, name) => (namespace === 'default' && name === 'one' ? one : undefined),
      },
      clock: {...realClock, monotonic: () => elapsedMs},
    });
    const {transport, close} = grpcOverSocket(`${rootDir}/pod-resources/kubelet.sock`, 5000);
    const client = createClient(PodResourcesLister, transport);
    try {
      const {podResources} = await client.list({});
      expect(podResources).toMatchObject([
        {
          name: 'one',
          namespace: 'default',
          containers: [{name: 'main', devices: [{resourceName: resource, deviceIds: ['b']}], cpuIds: []}],
        },
      ]);
      const {devices} = await client.getAllocatableResources({});
      expect(devices.map(({deviceIds}) => deviceIds)).toEqual([['a'], ['b']]);
      const got = await client.get({podName: 'one', podNamespace: 'default'});
      expect(got.podResources?.name).toBe('one');
      await expect(client.get({podName: 'two', podNamespace: 'default'})).rejects.toThrow(
        'pod two in namespace default not found',
      );
      const more = await Promise.allSettled(Array.from({length: 10}, () => client.list({})));
      expect(more.filter(({status}) => status === 'rejected')).toHaveLength(4);
      elapsedMs = 10;
      await client.list({});
      await expect(client.list({})).rejects.toThrow('rejected by rate limit');
    } finally {
      close();
      await server.close();
    }
  });

  it('tells of pods that are over too where KubeletPodResourcesListUseActivePods is off', async () => {
    const server = await startPodResources({
      config: {rootDir, featureGates: {KubeletPodResourcesListUseActivePods: false}},
      managers,
      agent: {active: () => [], pods: () => [pod('over', 1)], find: () => undefined},
      clock: realClock,
    });
    const {transport, close} = grpcOverSocket(`${rootDir}/pod-resources/kubelet.sock`, 5000);
    try {
      const {podResources} = await createClient(PodResourcesLister, transport).list({});
      expect(podResources.map(({name}) => name)).toEqual(['over']);
    } finally {
      close();
      await server.close();
    }
  });
});
