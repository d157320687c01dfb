import {describe, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {judge, newEvictionMemory} from '../../../../src/kubelet/eviction/judge.ts';
import {observe} from '../../../../src/kubelet/eviction/signals.ts';
import {
  parseThresholds,
  thresholdsMet,
  withContainerFs,
} from '../../../../src/kubelet/eviction/thresholds.ts';
import {disks, gi, measured, mi, snapshot, space} from './fixture.ts';

const {config} = loadKubeletConfig([], {}, 'n1');
const one = {dedicatedImages: false, splitContainers: false};
const with_ = (over: object) => ({...config, ...over});
const memory = (availableBytes: number, timeMs = 1_000) =>
  snapshot({node: {...snapshot().node, root: measured(8 * gi - availableBytes, timeMs)}}, timeMs);

describe('thresholds', () => {
  it('are the defaults of Kubernetes, with memory once more for all pods', () => {
    expect(parseThresholds(config).map(({signal}) => signal)).toEqual([
      'memory.available',
      'nodefs.available',
      'nodefs.inodesFree',
      'imagefs.available',
      'imagefs.inodesFree',
      'allocatableMemory.available',
    ]);
  });

  it('take soft ones with their grace and what must be reclaimed; 0% and 100% are none', () => {
    const parsed = parseThresholds(
      with_({
        evictionHard: {'memory.available': '0%', 'nodefs.available': '100%', 'pid.available': '10%'},
        evictionSoft: {'memory.available': '300Mi'},
        evictionSoftGracePeriod: {'memory.available': '1m30s'},
        evictionMinimumReclaim: {'memory.available': '50Mi', 'pid.available': '5%'},
      }),
    );
    expect(parsed).toEqual([
      {
        signal: 'pid.available',
        value: {part: Math.fround(0.1)},
        graceMs: 0,
        minReclaim: {part: expect.closeTo(0.05)},
      },
      {
        signal: 'memory.available',
        value: {quantity: 300 * mi, text: '300Mi'},
        graceMs: 90_000,
        minReclaim: {quantity: 50 * mi, text: '50Mi'},
      },
    ]);
  });

  it('leave memory of all pods alone where it is not enforced', () => {
    const parsed = parseThresholds(with_({enforceNodeAllocatable: []}));
    expect(parsed.some(({signal}) => signal === 'allocatableMemory.available')).toBe(false);
  });

  it.each([
    [one, '10%'],
    [{dedicatedImages: true, splitContainers: false}, '15%'],
    [{dedicatedImages: true, splitContainers: true}, '10%'],
  ])('of containerfs are those of where writable layers lie: %j', (layout, text) => {
    const evictionHard = {...config.evictionHard, 'containerfs.available': '99%'};
    const found = withContainerFs(parseThresholds(with_({evictionHard})), layout).filter(
      ({signal}) => signal === 'containerfs.available',
    );
    expect(found).toEqual([
      {
        signal: 'containerfs.available',
        graceMs: 0,
        value: {part: Math.fround(Number.parseInt(text, 10) / 100)},
      },
    ]);
  });
});

describe('observations', () => {
  const hard = withContainerFs(
    parseThresholds(with_({evictionHard: {...config.evictionHard, 'pid.available': '10%'}})),
    one,
  );
  const crossed = (over: Parameters<typeof snapshot>[0]) =>
    thresholdsMet(hard, observe(snapshot(over)), false).map(({signal}) => signal);
  const {node} = snapshot();

  it.each([
    ['nothing', {}, []],
    ['memory', {node: {...node, root: measured(8 * gi - 99 * mi)}}, ['memory.available']],
    ['memory at its threshold', {node: {...node, root: measured(8 * gi - 100 * mi)}}, []],
    [
      'memory of the pods',
      {
        node: {
          ...node,
          system: new Map([
            ['pods', {...measured(4 * gi - mi, 1_000, {limits: {memoryBytes: 4 * gi}}), cgroup: '/k'}],
          ]),
        },
      },
      ['allocatableMemory.available'],
    ],
    ["the node's disk", {disks: disks({node: space({availableBytes: 9 * gi})})}, ['nodefs.available']],
    ["the images' disk", {disks: disks({images: space({availableBytes: 14 * gi})})}, ['imagefs.available']],
    ['inodes', {disks: disks({node: space({inodesFree: 49_999})})}, ['nodefs.inodesFree']],
    ['no inodes counted', {disks: disks({node: space({inodes: 0, inodesFree: 0})})}, []],
    ['pids', {node: {...node, pids: {max: 1000, running: 901}}}, ['pid.available']],
    ['disks that are not known', {disks: disks({images: undefined, containers: undefined})}, []],
  ])('%s', (_name, over, expected) => {
    expect(crossed(over)).toEqual(expected);
  });

  it('tells nothing of pods without a limit', () => {
    const system = new Map([['pods', {...measured(gi), cgroup: '/k'}]]);
    expect(observe(snapshot({node: {...node, system}})).has('allocatableMemory.available')).toBe(false);
  });
});

describe('judge', () => {
  const thresholds = parseThresholds(
    with_({
      evictionHard: {'memory.available': '100Mi'},
      evictionSoft: {'memory.available': '300Mi'},
      evictionSoftGracePeriod: {'memory.available': '30s'},
      evictionMinimumReclaim: {'memory.available': '50Mi'},
      enforceNodeAllocatable: [],
    }),
  );
  const step = (available: number, atMs: number, before = newEvictionMemory) =>
    judge(thresholds, observe(memory(available, atMs)), before, atMs, 60_000);
  const graces = ({urgent}: ReturnType<typeof step>) => urgent.map(({graceMs}) => graceMs);

  it('acts on a hard threshold at once', () => {
    const judged = step(99 * mi, 0);
    expect(judged.pressure).toEqual({memory: true, disk: false, pid: false});
    expect(graces(judged)).toEqual([0]);
  });

  it('waits for the grace of a soft one, and begins anew after it was over', () => {
    const first = step(200 * mi, 0);
    expect(first.pressure.memory).toBe(true);
    expect(graces(first)).toEqual([]);
    expect(graces(step(200 * mi, 29_999, first.memory))).toEqual([]);
    expect(graces(step(200 * mi, 30_000, first.memory))).toEqual([30_000]);
    const over = step(gi, 20_000, first.memory);
    expect(graces(step(200 * mi, 30_000, over.memory))).toEqual([]);
  });

  it('goes on until the minimum is reclaimed', () => {
    const first = step(99 * mi, 0);
    expect(graces(step(149 * mi, 10_000, first.memory))).toContain(0);
    expect(graces(step(150 * mi, 10_000, first.memory))).not.toContain(0);
  });

  it('holds the condition for the transition period', () => {
    const first = step(99 * mi, 0);
    const over = step(gi, 59_999, first.memory);
    expect(over.pressure.memory).toBe(true);
    expect(graces(over)).toEqual([]);
    expect(step(gi, 60_000, first.memory).pressure.memory).toBe(false);
  });

  it('does not act twice on one measurement', () => {
    const first = step(99 * mi, 5_000);
    const again = judge(thresholds, observe(memory(99 * mi, 5_000)), first.memory, 6_000, 60_000);
    expect(again.pressure.memory).toBe(true);
    expect(again.urgent).toEqual([]);
  });

  it('puts memory first', () => {
    const all = parseThresholds(with_({}));
    const {node} = snapshot();
    const seen = snapshot({
      node: {...node, root: measured(8 * gi)},
      disks: disks({node: space({availableBytes: 0})}),
    });
    const judged = judge(all, observe(seen), newEvictionMemory, 0, 60_000);
    expect(judged.urgent.map(({signal}) => signal)).toEqual(['memory.available', 'nodefs.available']);
    expect(judged.pressure).toEqual({memory: true, disk: true, pid: false});
  });
});
