import {expect, it} from 'vitest';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import {startRuntimeEvents} from '../../../../src/kubelet/runtime/events.ts';
import {RuntimeHealth} from '../../../../src/kubelet/runtime/readiness.ts';
import {silent} from '../../../../src/lib/log.ts';

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
