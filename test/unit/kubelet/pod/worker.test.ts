import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it, vi} from 'vitest';
import {crashKey} from '../../../../src/kubelet/pod/actions/crash-backoff.ts';
import type {PodMemory} from '../../../../src/kubelet/pod/config/resources/memory.ts';
import {newMemory} from '../../../../src/kubelet/pod/config/resources/memory.ts';
import {observePod} from '../../../../src/kubelet/pod/observe.ts';
import type {PodRuntime} from '../../../../src/kubelet/pod/status/runtime-state.ts';
import type {PodView} from '../../../../src/kubelet/pod/status/view.ts';
import {startPodWorkers} from '../../../../src/kubelet/pod/worker.ts';
import {StartLimit} from '../../../../src/kubelet/runtime/start-limit.ts';
import type {Pod} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import {container, nowMs, pod, record, sandbox} from './fixtures.ts';

const clock = {now: () => nowMs, monotonic: () => 1_000, after: () => () => undefined};

let rootDir = '';
beforeAll(async () => {
  rootDir = await mkdtemp(join(tmpdir(), 'nodectl-worker-'));
});
afterAll(() => rm(rootDir, {recursive: true}));

/** A node with one pod that runs; what its runtime is asked to stop is kept. */
function node(first: Pod) {
  let object: Pod | undefined = first;
  const runtime: PodRuntime = {sandboxes: [sandbox()], containers: [record('main')]};
  const stopContainer = vi.fn((_: {containerId: string; timeout: bigint}) => new Promise(() => undefined));
  const none = () => undefined;
  const view = {
    deps: {
      clock,
      log: silent,
      recorder: {record: none},
      config: {rootDir, runtimeRequestTimeout: 1000, crashLoopBackOff: {}},
      cri: {runtime: {stopContainer}},
      volumes: {recursiveReadOnly: async () => false, prepare: async () => undefined},
      objects: {use: none},
      cgroups: {ensure: async () => undefined},
      facts: {hostIps: () => ['192.0.2.1'], resources: {hugePageSizes: []}},
    },
    runtime: {
      get: async () => runtime,
      peek: () => runtime,
      awaitEnd: (_id: string, call: () => Promise<unknown>) => call(),
      act: (_uid: string, call: () => Promise<unknown>) => call(),
      touch: none,
      forget: none,
    },
    images: {seen: () => new Map(), ensure: none, forget: none, consume: none},
    probes: {results: () => new Map(), recall: none, sync: none, forget: none},
    writer: {want: none, written: none},
    find: () => (object === undefined ? undefined : {pod: object, isStatic: false}),
    carrier: (one: Pod) => one,
    sourcesSynced: () => true,
    networkProblem: () => undefined,
    records: {get: none, set: async () => undefined},
  } as unknown as PodView;
  return {
    view,
    stopContainer,
    tell(next: Pod | undefined) {
      object = next;
    },
  };
}

const running = {startTime: '2026-01-01T00:00:00Z', phase: 'Running'};

it('ends a pod that is deleted by force in that haste, also when the object goes in the same moment', async () => {
  const first: Pod = {...pod({terminationGracePeriodSeconds: 600}), status: running};
  const {view, stopContainer, tell} = node(first);
  const limits = {limit: new StartLimit(2, clock), endLimit: new StartLimit(2, clock)};
  const workers = startPodWorkers(view, limits, () => undefined);
  workers.enqueue('uid-1');
  await vi.waitFor(() => expect(workers.status('uid-1')?.phase).toBe('Running'));
  const {metadata} = first;
  // Both events come before a round can look.
  tell(undefined);
  workers.gone({
    ...first,
    metadata: {...metadata, deletionTimestamp: '2026-01-01T00:10:00Z', deletionGracePeriodSeconds: 0},
  });
  await vi.waitFor(() => expect(stopContainer).toHaveBeenCalledTimes(1));
  expect(stopContainer.mock.calls[0]?.[0]).toEqual({containerId: 'main-0', timeout: 2n});
  await workers.stop();
});

it('holds a failed start against no other image', async () => {
  const {view, tell} = node({...pod(), status: running});
  const memory: PodMemory = newMemory('uid-1', 300_000);
  memory.startFailures.set('main', {
    reason: 'RunContainerError',
    message: 'no such program',
    key: crashKey(pod(), 'main'),
    retryAtMs: 11_000,
  });
  const failures = async () =>
    (await observePod(view, memory, new AbortController().signal)).startFailures.get('main');
  expect(await failures()).toEqual({
    reason: 'RunContainerError',
    message: 'no such program',
    retryInMs: 10_000,
  });
  tell({...pod({containers: [container('main', {image: 'mended:2'})]}), status: running});
  expect(await failures()).toBeUndefined();
});
