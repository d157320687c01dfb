import {readFileSync} from 'node:fs';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {HealthStatus} from '../../../src/edges/dra/gen/dra_health_pb.ts';
import {DynamicResources} from '../../../src/kubelet/dra/manager.ts';
import {type PluginManager, startPluginManager} from '../../../src/kubelet/plugins/manager.ts';
import type {Pod, PodSpec} from '../../../src/lib/kubernetes.ts';
import {events, pods, resourceClaims, resourceSlices} from '../../../src/lib/resources.ts';
import {
  isReady,
  nodeName,
  ownNode,
  shell,
  sleeper,
  startNode,
  statusOf,
  type TestNode,
} from '../kubelet/harness.ts';
import {newerRuntime} from '../support/newer-runtime.ts';
import {until} from '../support/wait.ts';
import {driverName, startDriver, type TestDriver} from './driver.ts';

/** ResourceClaims end to end, as test/e2e_node/dra_test.go: containerd 2 puts CDI devices into containers. */
let node: TestNode;
let dynamic: DynamicResources;
let plugins: PluginManager | undefined;
let driver: TestDriver;

const registry = () => `${node.config.rootDir}/plugins_registry`;
const cdi = () => `${node.containerd.dir}/cdi`;

beforeAll(async () => {
  node = await startNode({
    subnet: '10.89.46.0/24',
    programs: await newerRuntime(),
    dynamicResources: async (options, retry) => {
      await plugins?.stop();
      dynamic = await DynamicResources.start({
        ...options,
        clock: realClock,
        node: ownNode,
        onPods: (uids) => uids.forEach(retry),
      });
      plugins = startPluginManager({
        ...options,
        directory: `${options.config.rootDir}/plugins_registry`,
        handlers: new Map([['DRAPlugin', dynamic.handler]]),
        clock: realClock,
      });
      return dynamic;
    },
  });
}, 240_000);
afterAll(async () => {
  await plugins?.stop();
  await node?.stop();
});

beforeEach(async () => {
  driver = await startDriver(registry(), cdi());
});
afterEach(() => driver?.end());

/** A claim as the scheduler leaves it: allocated, and kept for these pods. */
async function claim(name: string, ...users: readonly Pod[]): Promise<void> {
  const {client} = node.sandbox;
  const requests = ['one', 'two'].map((request) => ({name: request, exactly: {deviceClassName: 'gpu'}}));
  const made = await client.create(
    resourceClaims,
    {metadata: {name, namespace: 'default'}, spec: {devices: {requests}}},
    {namespace: 'default'},
  );
  const results = ['one', 'two'].map((request) => ({
    request,
    driver: driverName,
    pool: 'pool',
    device: request,
  }));
  const reservedFor = users.map(({metadata}) => ({resource: 'pods', name: metadata.name, uid: metadata.uid}));
  await client.update(
    resourceClaims,
    {...made, status: {allocation: {devices: {results}}, reservedFor}},
    'status',
  );
}

const grace = {terminationGracePeriodSeconds: 1};
const uses = (name: string, ...containers: PodSpec['containers']): Partial<PodSpec> => ({
  ...grace,
  resourceClaims: [{name: 'gpu', resourceClaimName: name}],
  containers,
});
const gpu = (...requests: readonly string[]) => ({
  resources: {
    claims: requests.length === 0 ? [{name: 'gpu'}] : requests.map((request) => ({name: 'gpu', request})),
  },
});

async function variables(pod: string, container: string): Promise<string[]> {
  const containerId = node.agent().containerId('default', pod, container) ?? '';
  const {stdout} = await node.containerd.cri.runtime.execSync({containerId, cmd: ['env'], timeout: 10n});
  return Buffer.from(stdout)
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('GPU_'))
    .sort();
}

const told = async (name: string) =>
  (await node.sandbox.client.list(events, {namespace: 'default'})).items
    .filter(({involvedObject}) => involvedObject.name === name)
    .map(({reason, message}) => `${reason}: ${message}`);

async function remove(...names: readonly string[]): Promise<void> {
  for (const name of names) await node.remove(name);
  for (const name of names) await node.gone(name);
}

describe('a pod with a ResourceClaim', () => {
  it('has the devices of the requests that each container names, and gives them back at its end', async () => {
    const pod = await node.create(
      'one',
      uses('claim-one', {...sleeper('all'), ...gpu()}, {...sleeper('first'), ...gpu('one')}, sleeper('none')),
    );
    await claim('claim-one', pod);
    await node.waitFor('one', 'Ready', isReady);
    expect(await variables('one', 'all')).toEqual(['GPU_ONE=claim-one', 'GPU_TWO=claim-one']);
    expect(await variables('one', 'first')).toEqual(['GPU_ONE=claim-one']);
    expect(await variables('one', 'none')).toEqual([]);
    expect(driver.asked).toEqual(['prepare claim-one']);
    const state = JSON.parse(readFileSync(`${node.config.rootDir}/dra_manager_state`, 'utf8'));
    expect(state.Data).toContain('claim-one');
    await remove('one');
    expect(driver.asked).toEqual(['prepare claim-one', 'unprepare claim-one']);
  });

  it('waits, and says why, until it may use the claim and its driver prepares it', async () => {
    driver.fail('prepare', 'no such luck');
    const pod = await node.create('late', uses('claim-late', {...sleeper('main'), ...gpu()}));
    const says = (words: string) =>
      until(`late is told: ${words}`, async () => (await told('late')).some((line) => line.includes(words)), {
        instead: async () => (await told('late')).join('\n'),
      });
    await says(
      'FailedPrepareDynamicResources: Failed to prepare dynamic resources: prepare dynamic resources: fetch',
    );
    await claim('claim-late', pod);
    await says('no such luck');
    driver.mend();
    await node.waitFor('late', 'Ready', isReady);
    expect(await variables('late', 'main')).toEqual(['GPU_ONE=claim-late', 'GPU_TWO=claim-late']);
    await remove('late');
  });

  it('is refused a claim that is kept for another pod', async () => {
    await node.create('thief', uses('claim-other', {...sleeper('main'), ...gpu()}));
    await claim('claim-other');
    await until('it is told so', async () =>
      (await told('thief')).some((line) => line.includes('is not allowed to use ResourceClaim claim-other')),
    );
    await remove('thief');
    expect(driver.asked).toEqual([]);
  });

  it('shares a claim: it is prepared once, and given back by the last', async () => {
    const spec = uses('claim-shared', {...sleeper('main'), ...gpu()});
    const both = [await node.create('left', spec), await node.create('right', spec)];
    await claim('claim-shared', ...both);
    for (const name of ['left', 'right']) await node.waitFor(name, 'Ready', isReady);
    await remove('left');
    expect(driver.asked).toEqual(['prepare claim-shared']);
    await remove('right');
    expect(driver.asked).toEqual(['prepare claim-shared', 'unprepare claim-shared']);
  });

  it('is told to have ended only when its claims were given back', async () => {
    const pod = await node.create('short', {
      ...uses('claim-short', shell('main', 'exit 0', gpu())),
      restartPolicy: 'Never',
    });
    driver.fail('unprepare', 'busy');
    await claim('claim-short', pod);
    await until(
      'its end was tried twice',
      () => driver.asked.filter((what) => what.startsWith('un')).length > 1,
      {
        instead: () => driver.asked.join(),
      },
    );
    expect((await node.get('short'))?.status?.phase).toBe('Running');
    driver.mend();
    const ended = await node.waitFor('short', 'Succeeded', ({status}) => status?.phase === 'Succeeded');
    expect(driver.asked.at(-1)).toBe('unprepare claim-short');
    expect(statusOf(ended, 'main')?.state?.terminated?.exitCode).toBe(0);
    await remove('short');
  });

  it('keeps its claims over a restart of the kubelet, and gives them back though it went meanwhile', async () => {
    const spec = (name: string) => uses(name, {...sleeper('main'), ...gpu()});
    const both = [
      await node.create('stays', spec('claim-stays')),
      await node.create('goes', spec('claim-goes')),
    ];
    await claim('claim-stays', ...both.slice(0, 1));
    await claim('claim-goes', ...both.slice(1));
    for (const name of ['stays', 'goes']) await node.waitFor(name, 'Ready', isReady);
    await node.restart(async () =>
      node.sandbox.client.delete(pods, {namespace: 'default', name: 'goes'}, {gracePeriodSeconds: 0}),
    );
    await until(
      'what nobody has any more is given back',
      () => driver.asked.includes('unprepare claim-goes'),
      {
        instead: () => driver.asked.join(),
      },
    );
    expect(driver.asked).not.toContain('unprepare claim-stays');
    expect(dynamic.holds(both[0]?.metadata.uid ?? '')).toBe(true);
    await remove('stays');
    expect(driver.asked).toContain('unprepare claim-stays');
  });

  it('shows the health that its driver tells of a device', async () => {
    const pod = await node.create('ill', uses('claim-ill', {...sleeper('main'), ...gpu('one')}));
    await claim('claim-ill', pod);
    await node.waitFor('ill', 'Ready', isReady);
    driver.tellHealth(HealthStatus.UNHEALTHY, 'too hot');
    const seen = await node.waitFor(
      'ill',
      'its device is not well',
      (one) => statusOf(one, 'main')?.allocatedResourcesStatus?.[0]?.resources?.[0]?.health === 'Unhealthy',
    );
    expect(statusOf(seen, 'main')?.allocatedResourcesStatus).toEqual([
      {
        name: 'claim:gpu/one',
        resources: [{resourceID: 'nodectl.test/gpu=claim-ill-one', health: 'Unhealthy', message: 'too hot'}],
      },
    ]);
    await driver.end();
    await node.waitFor(
      'ill',
      'nothing is known of it without its driver',
      (one) => statusOf(one, 'main')?.allocatedResourcesStatus?.[0]?.resources?.[0]?.health === 'Unknown',
    );
    driver = await startDriver(registry(), cdi());
    await remove('ill');
  });
});

it('slices that drivers of the past have published are taken away at the start', async () => {
  const {client} = node.sandbox;
  const slice = (name: string, of: string) => ({
    metadata: {name},
    spec: {driver: driverName, nodeName: of, pool: {name: of, generation: 1, resourceSliceCount: 1}},
  });
  await client.create(resourceSlices, slice('ours', nodeName));
  await client.create(resourceSlices, slice('theirs', 'another'));
  await node.restart();
  await until('only those of others are left', async () => {
    const {items} = await client.list(resourceSlices, {});
    return items.map(({metadata}) => metadata.name).join() === 'theirs';
  });
});
