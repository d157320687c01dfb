import {mkdtempSync, rmSync} from 'node:fs';
import * as http2 from 'node:http2';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Code, ConnectError} from '@connectrpc/connect';
import {describe, expect, it, onTestFinished} from 'vitest';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import {startRuntimeEvents} from '../../../../src/kubelet/runtime/events.ts';
import {RuntimeHealth} from '../../../../src/kubelet/runtime/readiness.ts';
import {silent} from '../../../../src/lib/log.ts';
import type {Clock} from '../../../../src/lib/time.ts';

/** Streams that end when a test says so; a first event says that the runtime has them. */
function streams() {
  const ends: (() => void)[] = [];
  async function* events() {
    yield {podSandboxStatus: {metadata: {uid: 'a'}}, containersStatuses: []};
    await new Promise<void>((resolve) => ends.push(resolve));
  }
  return {events, ends};
}

it('lists at once when the stream of events ends: the runtime may be away, and has told nobody what it did', async () => {
  const {events, ends} = streams();
  const told: string[] = [];
  const outcomes: boolean[] = [];
  let fails = false;
  const running = startRuntimeEvents({
    cri: {runtime: {getContainerEvents: () => events()}} as unknown as Cri,
    // Nothing comes by itself.
    clock: {now: () => 0, monotonic: () => 0, after: () => () => undefined},
    log: silent,
    endpoint: '/nonexistent/containerd.sock',
    onEvent: (uid) => told.push(uid),
    podOf: () => undefined,
    hasEnded: () => false,
    relist: async () => {
      if (fails) throw new Error('away');
    },
    onRelisted: (error) => outcomes.push(error === undefined),
  });
  await running.firstList;
  await expect.poll(() => ends.length).toBe(1);
  expect(told).toEqual(['a']);
  expect(outcomes).toEqual([true]);
  fails = true;
  ends[0]?.();
  await expect.poll(() => outcomes).toEqual([true, false]);
  await running.stop();
});

it('knows when a runtime that was away is back: then what has failed for that is tried again', () => {
  const clock = {now: () => 0, monotonic: () => 0, after: () => () => undefined};
  const health = new RuntimeHealth({} as Cri, clock);
  expect(health.listed()).toBe(false);
  health.notListed();
  health.notListed();
  expect([health.listed(), health.listed()]).toEqual([true, false]);
});

describe('the stream of containerd’s own events', () => {
  /** A containerd that does with a subscription what a test says; its CRI has no events. */
  async function following(onStream?: (stream: http2.ServerHttp2Stream) => void) {
    const directory = mkdtempSync(join(tmpdir(), 'nodectl-events-'));
    const endpoint = join(directory, 'containerd.sock');
    const open: http2.ServerHttp2Session[] = [];
    let asked = 0;
    const server = http2.createServer();
    server.on('session', (session) => open.push(session));
    server.on('stream', (stream) => {
      asked++;
      onStream?.(stream);
    });
    if (onStream !== undefined) await new Promise<void>((resolve) => server.listen(endpoint, resolve));
    const waiting: {ms: number; fn: () => void}[] = [];
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      after(ms, fn) {
        const one = {ms, fn};
        waiting.push(one);
        return () => {
          if (waiting.includes(one)) waiting.splice(waiting.indexOf(one), 1);
        };
      },
    };
    const unimplemented = () => Promise.reject(new ConnectError('', Code.Unimplemented));
    let lists = 0;
    const running = startRuntimeEvents({
      cri: {
        runtime: {getContainerEvents: () => ({[Symbol.asyncIterator]: () => ({next: unimplemented})})},
      } as unknown as Cri,
      clock,
      log: silent,
      endpoint,
      onEvent: () => undefined,
      podOf: () => undefined,
      hasEnded: () => false,
      relist: async () => void lists++,
      onRelisted: () => undefined,
    });
    onTestFinished(async () => {
      await running.stop();
      for (const session of open) session.destroy();
      server.close();
      rmSync(directory, {recursive: true, force: true});
    });
    await running.firstList;
    const waits = () => waiting.map(({ms}) => ms).sort((a, b) => a - b);
    /** Everything that waits that long is done now. */
    const pass = (ms: number) => {
      for (const one of waiting.filter((each) => each.ms === ms)) {
        waiting.splice(waiting.indexOf(one), 1);
        one.fn();
      }
    };
    return {waits, pass, asked: () => asked, lists: () => lists, open};
  }

  it('is followed though it says nothing: no list each second until the first container ends', async () => {
    const {waits, pass, lists} = await following(() => undefined);
    // The next list, and the moment at which silence means consent.
    await expect.poll(waits).toEqual([1000, 1000]);
    pass(1000);
    await expect.poll(waits).toEqual([5000]);
    expect(lists()).toBe(2);
  });

  it('is not where the runtime refuses it: lists come each second, and it is asked for again much later', async () => {
    const {waits, asked} = await following((stream) => {
      stream.respond(
        {':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12'},
        {endStream: true},
      );
    });
    await expect.poll(waits).toEqual([1000, 40_000]);
    expect(asked()).toBe(1);
  });

  it('is opened again soon where the runtime was away, and what it missed is listed', async () => {
    const {waits, pass, asked, lists, open} = await following((stream) => {
      if (asked() > 1) stream.respond({':status': 200, 'content-type': 'application/grpc'});
    });
    await expect.poll(waits).toEqual([1000, 1000]);
    const later =
      <T>(see: () => T) =>
      () => {
        pass(1000);
        return see();
      };
    open[0]?.destroy();
    await expect.poll(later(asked)).toBe(2);
    await expect.poll(later(waits)).toEqual([5000]);
    expect(lists()).toBeGreaterThanOrEqual(2);
  });

  it('is tried again soon where nobody listens yet', async () => {
    const {waits} = await following();
    await expect.poll(waits).toEqual([1000, 1000]);
  });
});
