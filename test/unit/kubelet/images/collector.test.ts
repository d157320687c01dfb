import {expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import {startImageCollector} from '../../../../src/kubelet/images/collector.ts';
import type {RuntimeCache} from '../../../../src/kubelet/runtime/cache.ts';
import {silent} from '../../../../src/lib/log.ts';

it('tells of images that cannot be collected when that happens again, not for a runtime that restarts', async () => {
  const told: string[] = [];
  let due: (() => void)[] = [];
  let works = false;
  const collector = startImageCollector({
    config: loadKubeletConfig([], {}, 'n1').config,
    cri: {
      runtime: {status: async () => ({info: {}})},
      images: {
        listImages: async () => {
          if (!works) throw new Error('no runtime');
          return {images: []};
        },
      },
    } as unknown as Cri,
    clock: {
      now: () => 0,
      monotonic: () => 0,
      after: (_, work) => {
        due.push(work);
        return () => undefined;
      },
    },
    log: silent,
    recorder: {
      record: (_target, _type, reason, message) => void told.push(`${reason}: ${message}`),
      stop: async () => undefined,
    },
    runtime: {uids: () => []} as unknown as RuntimeCache,
    pods: () => [],
    ready: () => true,
    space: async () => undefined,
  });
  const round = async () => {
    const now = due;
    due = [];
    for (const work of now) work();
    await expect.poll(() => due.length).toBe(1);
    return told.length;
  };
  expect([await round(), await round(), await round()]).toEqual([0, 1, 2]);
  works = true;
  expect(await round()).toBe(2);
  works = false;
  expect([await round(), await round()]).toEqual([2, 3]);
  expect(told[0]).toBe('ImageGCFailed: no runtime');
  await collector.stop();
});
