import {Code, ConnectError} from '@connectrpc/connect';
import {expect, it, vi} from 'vitest';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import {beginKills, type KillContext} from '../../../../src/kubelet/pod/apply/kill.ts';
import {newMemory} from '../../../../src/kubelet/pod/config/resources/memory.ts';
import type {PodDeps} from '../../../../src/kubelet/pod/deps.ts';
import {silent} from '../../../../src/lib/log.ts';
import {container, nowMs, pod, record} from './fixtures.ts';

it('lets a preStop hook run on when the grace is over, until its container has ended in its last two seconds', async () => {
  let ms = 0;
  let timers: {atMs: number; fn: () => void}[] = [];
  const clock = {
    now: () => nowMs + ms,
    monotonic: () => ms,
    after: (delayMs: number, fn: () => void) => {
      timers.push({atMs: ms + delayMs, fn});
      return () => undefined;
    },
  };
  const turn = (byMs: number) => {
    ms += byMs;
    const due = timers.filter(({atMs}) => atMs <= ms);
    timers = timers.filter(({atMs}) => atMs > ms);
    for (const {fn} of due) fn();
  };
  const stopped = Promise.withResolvers<object>();
  const runtime = {
    execSync: vi.fn((_request: unknown, options: {signal: AbortSignal}) => {
      const {promise, reject} = Promise.withResolvers<never>();
      options.signal.addEventListener('abort', () => reject(options.signal.reason));
      return promise;
    }),
    stopContainer: vi.fn((_request: {timeout: bigint}) => stopped.promise),
  };
  const onEnd = vi.fn();
  const hooked = container('main', {lifecycle: {preStop: {exec: {command: ['sleep', '60']}}}});
  const context: KillContext = {
    deps: {
      clock,
      log: silent,
      cri: {runtime} as unknown as Cri,
      recorder: {record: () => undefined},
      config: {runtimeRequestTimeout: 1000},
    } as unknown as PodDeps,
    memory: newMemory('uid-1', 300_000),
    pod: pod(),
    podIp: '10.0.0.7',
    awaitEnd: (_id, call) => call(),
    onEnd,
  };
  beginKills(context, [
    {
      container: record('main'),
      spec: hooked,
      graceSeconds: 30,
      after: [],
      message: 'Stopping container main',
      reason: 'ended',
    },
  ]);
  await vi.waitFor(() => expect(runtime.execSync).toHaveBeenCalledTimes(1));
  expect(runtime.stopContainer).not.toHaveBeenCalled();
  turn(30_000);
  await vi.waitFor(() => expect(runtime.stopContainer).toHaveBeenCalledTimes(1));
  expect(runtime.stopContainer.mock.calls[0]?.[0].timeout).toBe(2n);
  expect(runtime.execSync.mock.calls[0]?.[1].signal.aborted).toBe(false);
  stopped.resolve({});
  await vi.waitFor(() => expect(onEnd).toHaveBeenCalledTimes(1));
  expect(runtime.execSync.mock.calls[0]?.[1].signal.aborted).toBe(true);
});

it('tells why a pod that shall end does not', async () => {
  const told: string[] = [];
  const refuse = async () => {
    throw new ConnectError('context deadline exceeded', Code.DeadlineExceeded);
  };
  const context: KillContext = {
    deps: {
      clock: {now: () => 0, monotonic: () => 0, after: (_: number, fn: () => void) => void fn()},
      log: silent,
      cri: {runtime: {stopContainer: refuse}} as unknown as Cri,
      recorder: {
        record: (_: object, __: string, reason: string, message: string) =>
          told.push(`${reason}: ${message}`),
      },
      config: {runtimeRequestTimeout: 1000},
    } as unknown as PodDeps,
    memory: newMemory('uid-1', 300_000),
    pod: pod(),
    podIp: '10.0.0.7',
    awaitEnd: (_id, call) => call(),
    onEnd: () => undefined,
  };
  const kill = {
    container: record('main'),
    spec: container('main'),
    graceSeconds: 30,
    after: [],
    message: 'x',
  };
  beginKills(context, [{...kill, reason: 'ended'}]);
  const words =
    'FailedKillPod: error killing pod: failed to "KillContainer" for "main" with KillContainerError: "rpc error: code = DeadlineExceeded desc = context deadline exceeded"';
  await vi.waitFor(() => expect(told).toContain(words));
  told.length = 0;
  beginKills(context, [{...kill, container: record('other'), reason: 'liveness'}]);
  await vi.waitFor(() => expect(context.memory.stopping.size).toBe(0));
  expect(told).toEqual(['Killing: x']);
});

it('gives each container two seconds to shut down, and without grace no hook', async () => {
  const runtime = {execSync: vi.fn(), stopContainer: vi.fn(async (_request: {timeout: bigint}) => ({}))};
  const onEnd = vi.fn();
  const context: KillContext = {
    deps: {
      clock: {now: () => 0, monotonic: () => 0, after: () => () => undefined},
      log: silent,
      cri: {runtime} as unknown as Cri,
      recorder: {record: () => undefined},
      config: {runtimeRequestTimeout: 1000},
    } as unknown as PodDeps,
    memory: newMemory('uid-1', 300_000),
    pod: pod(),
    podIp: '10.0.0.7',
    awaitEnd: (_id, call) => call(),
    onEnd,
  };
  const spec = container('main', {lifecycle: {preStop: {exec: {command: ['true']}}}});
  const kill = {container: record('main'), spec, graceSeconds: 0, after: [], message: 'killing'};
  beginKills(context, [{...kill, reason: 'restartAll'}]);
  await vi.waitFor(() => expect(onEnd).toHaveBeenCalledTimes(1));
  expect(runtime.execSync).not.toHaveBeenCalled();
  expect(runtime.stopContainer.mock.calls[0]?.[0].timeout).toBe(2n);
});

/** A runtime in which every stop lasts until the test says that it has ended. */
function stopping() {
  let ms = 0;
  let timers: {atMs: number; fn: () => void}[] = [];
  const ends = new Map<string, () => void>();
  const asked: string[] = [];
  const hooks: (() => void)[] = [];
  const context: KillContext = {
    deps: {
      clock: {
        now: () => nowMs + ms,
        monotonic: () => ms,
        after: (delayMs: number, fn: () => void) => {
          timers.push({atMs: ms + delayMs, fn});
          return () => undefined;
        },
      },
      log: silent,
      cri: {
        runtime: {
          execSync: () =>
            new Promise((resolve) =>
              hooks.push(() => resolve({exitCode: 0, stdout: new Uint8Array(), stderr: new Uint8Array()})),
            ),
          stopContainer: ({containerId, timeout}: {containerId: string; timeout: bigint}) => {
            asked.push(`${containerId} ${timeout}`);
            return new Promise<void>((resolve) => ends.set(containerId, resolve));
          },
        },
      } as unknown as Cri,
      recorder: {record: () => undefined},
      config: {runtimeRequestTimeout: 1000},
    } as unknown as PodDeps,
    memory: newMemory('uid-1', 300_000),
    pod: pod(),
    podIp: '10.0.0.7',
    awaitEnd: (_id, call) => call(),
    onEnd: () => undefined,
  };
  return {
    asked,
    context,
    end: (id: string) => ends.get(id)?.(),
    endHook: () => hooks.shift()?.(),
    hooks,
    async turn(byMs = 0) {
      ms += byMs;
      const due = timers.filter(({atMs}) => atMs <= ms);
      timers = timers.filter(({atMs}) => atMs > ms);
      for (const {fn} of due) fn();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const ended = {graceSeconds: 30, message: 'x', reason: 'ended'} as const;

it('lets a sidecar wait for a container that was being stopped before the pod was', async () => {
  const {asked, context, end, turn} = stopping();
  beginKills(context, [
    {...ended, container: record('main'), spec: container('main'), reason: 'liveness', after: []},
  ]);
  await turn();
  beginKills(context, [
    {...ended, container: record('mesh'), spec: container('mesh'), after: ['main-0', 'gone-0']},
  ]);
  await turn(3_000);
  expect(asked).toEqual(['main-0 30']);
  end('main-0');
  await turn();
  expect(asked).toEqual(['main-0 30', 'mesh-0 27']);
});

it('keeps the order of sidecars, and hooks, when the grace becomes shorter', async () => {
  const {asked, context, end, endHook, hooks, turn} = stopping();
  const hooked = container('main', {lifecycle: {preStop: {exec: {command: ['drain']}}}});
  const kills = (graceSeconds: number) =>
    [
      {...ended, graceSeconds, container: record('main'), spec: hooked, after: []},
      {...ended, graceSeconds, container: record('mesh'), spec: container('mesh'), after: ['main-0']},
    ] as const;
  beginKills(context, kills(30));
  await turn(2_000);
  beginKills(context, kills(10));
  await turn(4_000);
  expect([hooks.length, asked]).toEqual([1, []]);
  endHook();
  await turn();
  expect(asked).toEqual(['main-0 24', 'main-0 6']);
  end('main-0');
  await turn(6_000);
  expect(asked).toEqual(['main-0 24', 'main-0 6', 'mesh-0 2']);
});

it('takes only whole seconds that a hook needed off the grace: the part of one that is left counts for a whole one', async () => {
  const {asked, context, endHook, turn} = stopping();
  const hooked = container('hooked', {lifecycle: {preStop: {exec: {command: ['drain']}}}});
  beginKills(context, [
    {...ended, container: record('main'), spec: container('main'), after: []},
    {...ended, container: record('hooked'), spec: hooked, after: []},
  ]);
  await turn(0.4);
  await turn(1_500);
  endHook();
  await turn();
  expect(asked).toEqual(['main-0 30', 'hooked-0 29']);
});
