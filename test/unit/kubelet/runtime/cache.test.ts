import {create} from '@bufbuild/protobuf';
import {expect, test} from 'vitest';
import {type Cri, connectCri} from '../../../../src/edges/cri/client.ts';
import * as api from '../../../../src/edges/cri/gen/api_pb.ts';
import {RuntimeCache} from '../../../../src/kubelet/runtime/cache.ts';

const labels = {'io.kubernetes.pod.uid': 'u'};

/** A runtime with one pod of one container, in these states. */
function runtime(has: {sandbox: api.PodSandboxState; container: api.ContainerState | undefined}): Cri {
  const real = connectCri('/nowhere');
  const metadata = {name: 'web', attempt: 0};
  const containers = () =>
    has.container === undefined ? [] : [{id: 'c', podSandboxId: 's', labels, state: has.container}];
  return {
    ...real,
    runtime: {
      ...real.runtime,
      listPodSandbox: async () =>
        create(api.ListPodSandboxResponseSchema, {items: [{id: 's', labels, state: has.sandbox}]}),
      listContainers: async () => create(api.ListContainersResponseSchema, {containers: containers()}),
      podSandboxStatus: async () =>
        create(api.PodSandboxStatusResponseSchema, {status: {id: 's', state: has.sandbox, labels}}),
      containerStatus: async () =>
        create(api.ContainerStatusResponseSchema, {
          status: {id: 'c', labels, metadata, ...(has.container === undefined ? {} : {state: has.container})},
        }),
    },
  };
}

test('knows that a container or a sandbox has ended only when it has read so', async () => {
  const has: Parameters<typeof runtime>[0] = {
    sandbox: api.PodSandboxState.SANDBOX_READY,
    container: api.ContainerState.CONTAINER_RUNNING,
  };
  const cache = new RuntimeCache({cri: runtime(has), timeoutMs: 1000, onChange: () => undefined});
  const ended = async () => {
    await cache.get('u');
    return [cache.hasEnded('c'), cache.hasEnded('s')];
  };
  expect(await ended()).toEqual([false, false]);
  has.container = api.ContainerState.CONTAINER_EXITED;
  expect(await ended()).toEqual([false, false]);
  cache.touch('u');
  expect(await ended()).toEqual([true, false]);
  has.sandbox = api.PodSandboxState.SANDBOX_NOTREADY;
  has.container = undefined;
  cache.touch('u');
  expect(await ended()).toEqual([true, true]);
  cache.forget('u');
  expect([cache.hasEnded('c'), cache.hasEnded('s')]).toEqual([true, true]);
});

test('takes an end for seen while a call of our own brings it about, until the last one has answered', async () => {
  const has = {
    sandbox: api.PodSandboxState.SANDBOX_READY,
    container: api.ContainerState.CONTAINER_RUNNING,
  };
  const cache = new RuntimeCache({cri: runtime(has), timeoutMs: 1000, onChange: () => undefined});
  await cache.get('u');
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const calls = [
    cache.awaitEnd('c', () => first.promise),
    cache.awaitEnd('c', () => second.promise),
  ] as const;
  expect([cache.hasEnded('c'), cache.hasEnded('s')]).toEqual([true, false]);
  first.reject(new Error('refused'));
  await expect(calls[0]).rejects.toThrow('refused');
  expect(cache.hasEnded('c')).toBe(true);
  second.resolve('stopped');
  expect(await calls[1]).toBe('stopped');
  expect(cache.hasEnded('c')).toBe(false);
});

/** Which calls were made of it since it was asked last. */
function counted(cri: Cri): {cri: Cri; calls: () => string[]} {
  const made: string[] = [];
  const calls = Object.entries(cri.runtime).map(([name, call]) => [
    name,
    (...args: unknown[]) => {
      made.push(name);
      return Reflect.apply(call, undefined, args);
    },
  ]);
  return {cri: {...cri, runtime: Object.fromEntries(calls)}, calls: () => made.splice(0).sort()};
}

test('reads only what an answered call of its own has changed, and the whole pod after one that failed', async () => {
  const has: Parameters<typeof runtime>[0] = {
    sandbox: api.PodSandboxState.SANDBOX_READY,
    container: api.ContainerState.CONTAINER_RUNNING,
  };
  const {cri, calls} = counted(runtime(has));
  const cache = new RuntimeCache({cri, timeoutMs: 1000, onChange: () => undefined});
  await cache.get('u');
  expect(calls()).toEqual(['containerStatus', 'listContainers', 'listPodSandbox', 'podSandboxStatus']);
  const states = async () => {
    const {sandboxes, containers} = await cache.get('u');
    return [...sandboxes.map(({ready}) => ready), ...containers.map(({state}) => state)];
  };
  const answered = async () => undefined;
  has.container = api.ContainerState.CONTAINER_EXITED;
  await cache.act('u', answered, () => [{container: 'c', sandboxId: 's'}]);
  expect(await states()).toEqual([true, 'exited']);
  expect(calls()).toEqual(['containerStatus']);
  has.sandbox = api.PodSandboxState.SANDBOX_NOTREADY;
  await cache.act('u', answered, () => [{sandbox: 's'}]);
  expect(await states()).toEqual([false, 'exited']);
  expect(calls()).toEqual(['podSandboxStatus']);
  expect(await states()).toEqual([false, 'exited']);
  await cache.act('u', answered, () => [{removed: 's'}]);
  expect(await states()).toEqual([]);
  expect(calls()).toEqual([]);
  has.sandbox = api.PodSandboxState.SANDBOX_READY;
  const failing = cache.act(
    'u',
    async () => {
      throw new Error('cut off');
    },
    () => [{sandbox: 's'}],
  );
  await expect(failing).rejects.toThrow('cut off');
  expect(await states()).toEqual([true, 'exited']);
  expect(calls()).toContain('listPodSandbox');
});

test('reads a new pod as a whole while what the runtime has is not known, and else only what was made', async () => {
  const has = {
    sandbox: api.PodSandboxState.SANDBOX_READY,
    container: api.ContainerState.CONTAINER_RUNNING,
  };
  const {cri, calls} = counted(runtime(has));
  const asked = async (listed: boolean) => {
    const empty = async () => ({sandboxes: [], containers: []});
    const cache = new RuntimeCache({
      cri: {...cri, states: empty},
      timeoutMs: 1000,
      onChange: () => undefined,
    });
    if (listed) await cache.relist();
    await cache.act(
      'u',
      async () => 's',
      (id) => [{sandbox: id}],
    );
    const {sandboxes, containers} = await cache.get('u');
    return [sandboxes.length, containers.length, ...calls()];
  };
  expect((await asked(false)).slice(0, 3)).toEqual([1, 1, 'containerStatus']);
  expect(await asked(true)).toEqual([1, 0, 'podSandboxStatus']);
});

test('reads again what an event tells of while it reads', async () => {
  const has: Parameters<typeof runtime>[0] = {
    sandbox: api.PodSandboxState.SANDBOX_READY,
    container: api.ContainerState.CONTAINER_RUNNING,
  };
  const {cri, calls} = counted(runtime(has));
  const cache = new RuntimeCache({cri, timeoutMs: 1000, onChange: () => undefined});
  await cache.get('u');
  await cache.act(
    'u',
    async () => 'c',
    (container) => [{container, sandboxId: 's'}],
  );
  calls();
  const reading = cache.get('u');
  cache.touch('u');
  await reading;
  expect(calls()).toEqual(['containerStatus']);
  await cache.get('u');
  expect(calls()).toEqual(['listContainers', 'listPodSandbox']);
});
