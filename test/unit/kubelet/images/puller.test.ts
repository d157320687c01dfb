import {describe, expect, it} from 'vitest';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import {createPuller} from '../../../../src/kubelet/images/puller.ts';

/** A runtime whose pulls end when they are told to, and a clock that stands until it is turned. */
function runtime(parallel: number, patienceMs?: number) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const timers = new Set<() => void>();
  const pullImage = ({image}: {image: {image: string}}) => {
    begun.push(image.image);
    return new Promise((resolve) => ends.set(image.image, () => resolve({imageRef: image.image})));
  };
  const puller = createPuller({
    cri: {images: {pullImage}} as unknown as Cri,
    clock: {
      now: () => 0,
      monotonic: () => 0,
      after: (_, fn) => {
        timers.add(fn);
        return () => void timers.delete(fn);
      },
    },
    parallel,
    ...(patienceMs === undefined ? {} : {patienceMs}),
    turn: async () => undefined,
    timeoutMs: 1000,
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    begun,
    timers,
    async pull(...images: string[]) {
      for (const image of images) void puller.pull(image, [], new AbortController().signal);
      await settle();
    },
    async end(image: string) {
      ends.get(image)?.();
      await settle();
    },
    async timeGoesBy() {
      for (const fn of timers) fn();
      await settle();
    },
  };
}

describe('pulls at the same time', () => {
  /** images/image_manager_test.go, TestMaxParallelImagePullsLimit. */
  it('are as many as there may be; the next begins when one has ended', async () => {
    const {begun, pull, end} = runtime(2);
    await pull('a', 'b', 'c', 'd');
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('are one for one image', async () => {
    const {begun, pull} = runtime(2);
    await pull('a', 'a', 'b');
    expect(begun).toEqual(['a', 'b']);
  });

  it('that stall make room for others once', async () => {
    const {begun, timers, pull, end, timeGoesBy} = runtime(1, 60_000);
    await pull('stuck', 'b', 'c', 'd');
    expect(begun).toEqual(['stuck']);
    await timeGoesBy();
    expect(begun).toEqual(['stuck', 'b']);
    await end('stuck');
    expect(begun).toEqual(['stuck', 'b']);
    await end('b');
    expect(begun).toEqual(['stuck', 'b', 'c']);
    await end('c');
    await end('d');
    expect(timers.size).toBe(0);
  });
});

/** kuberuntime_image.go, PullImage: a runtime may unpack images of such pods in another way (containerd). */
describe('the pod that an image is pulled for', () => {
  const handler = 'io.containerd.cri.runtime-handler';
  const pod = (name: string, annotations: Record<string, string>) => ({
    metadata: {name, namespace: 'default', uid: `uid-of-${name}`},
    annotations,
  });

  function asking() {
    const asked: unknown[] = [];
    const pullImage = (request: unknown) => {
      asked.push(request);
      return new Promise(() => undefined);
    };
    const clock = {now: () => 0, monotonic: () => 0, after: () => () => undefined};
    const cri = {images: {pullImage}} as unknown as Cri;
    const puller = createPuller({cri, clock, parallel: 9, turn: async () => undefined, timeoutMs: 1000});
    const pull = async (sandbox: ReturnType<typeof pod>) => {
      void puller.pull('a', [], new AbortController().signal, sandbox);
      await new Promise((resolve) => setImmediate(resolve));
    };
    return {asked, pull};
  }

  it('is told to the runtime', async () => {
    const {asked, pull} = asking();
    await pull(pod('web', {[handler]: 'kata', other: 'x'}));
    expect(asked).toEqual([
      {
        image: {image: 'a'},
        sandboxConfig: {
          metadata: {name: 'web', namespace: 'default', uid: 'uid-of-web'},
          annotations: {[handler]: 'kata', other: 'x'},
        },
      },
    ]);
  });

  it('shares the pull of another one, unless its handler is another one', async () => {
    const {asked, pull} = asking();
    await pull(pod('web', {other: 'x'}));
    await pull(pod('db', {other: 'y'}));
    expect(asked).toHaveLength(1);
    await pull(pod('vm', {[handler]: 'kata'}));
    expect(asked).toHaveLength(2);
  });
});
