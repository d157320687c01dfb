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
