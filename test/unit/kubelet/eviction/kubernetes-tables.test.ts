import {describe, expect, it} from 'vitest';
import {judge, newEvictionMemory} from '../../../../src/kubelet/eviction/judge.ts';
import {type Candidate, rankPods} from '../../../../src/kubelet/eviction/rank.ts';
import type {Observations, Signal} from '../../../../src/kubelet/eviction/signals.ts';
import {type Threshold, thresholdsMet} from '../../../../src/kubelet/eviction/thresholds.ts';
import {container, gi, measured, mi, pod, requesting, stats} from './fixture.ts';

/** The cases of Kubernetes' own tests of eviction (pkg/kubelet/eviction/helpers_test.go), by their meaning. */
const one = {dedicatedImages: false, splitContainers: false};
const low = -1;
const high = 1;

/** What is expected first goes first; the order in which they are given is the other way round. */
function expectOrder(signal: Signal, expected: readonly Candidate[]): void {
  const names = (all: readonly Candidate[]) => all.map((candidate) => candidate.pod.metadata.name);
  expect(names(rankPods(expected.toReversed(), signal, one))).toEqual(names(expected));
}

const asking = (name: string, priority: number, requests: Readonly<Record<string, string>>) =>
  pod(name, {...(Object.keys(requests).length === 0 ? {} : requesting(requests)), priority});

describe('pods are ranked', () => {
  const memory = (name: string, priority: number, request: string, usedMi: number): Candidate => ({
    pod: asking(name, priority, request === '' ? {} : {memory: request}),
    stats: stats(name, {measured: measured(usedMi * mi)}),
  });

  it('by memory above what they ask for', () => {
    expectOrder('memory.available', [
      memory('burstable-high', 0, '100Mi', 800),
      memory('best-effort-high', 0, '', 500),
      memory('best-effort-low', 0, '', 300),
      memory('burstable-low', 0, '100Mi', 300),
      memory('guaranteed-high', 0, '1Gi', 800),
      memory('guaranteed-low', 0, '1Gi', 200),
    ]);
  });

  it('by memory: above the request or not, then priority, then how much', () => {
    expectOrder('memory.available', [
      memory('above-low-high', low, '', 500),
      memory('above-low-low', low, '', 50),
      memory('above-high-high', high, '100Mi', 600),
      memory('above-high-low', high, '100Mi', 150),
      memory('below-low-high', low, '1Gi', 800),
      memory('below-low-low', low, '1Gi', 200),
      memory('below-high-high', high, '1Gi', 800),
      memory('below-high-low', high, '1Gi', 200),
    ]);
  });

  type Parts = readonly [rootfs: number, logs: number, volume: number];
  const disk = (name: string, priority: number, request: string, used: Parts, inodes: Parts): Candidate => ({
    pod: {
      ...asking(name, priority, request === '' ? {} : {'ephemeral-storage': request}),
      spec: {
        ...asking(name, priority, request === '' ? {} : {'ephemeral-storage': request}).spec,
        volumes: [{name: 'local', emptyDir: {}}],
      },
    },
    stats: stats(name, {
      containers: [
        container({
          rootfs: {usedBytes: used[0] * mi, inodesUsed: inodes[0]},
          logs: {usedBytes: used[1] * mi, inodesUsed: inodes[1]},
        }),
      ],
      volumes: [{name: 'local', ephemeral: true, usedBytes: used[2] * mi, inodesUsed: inodes[2]}],
    }),
  });
  const none: Parts = [0, 0, 0];

  it('by disk: above the request or not, then priority, then how much', () => {
    expectOrder('nodefs.available', [
      disk('above-low-high', low, '', [50, 100, 250], none),
      disk('above-low-low', low, '', [60, 30, 10], none),
      disk('above-high-high', high, '100Mi', [150, 150, 50], none),
      disk('above-high-low', high, '100Mi', [10, 40, 100], none),
      disk('below-low-high', low, '1Gi', [50, 100, 250], none),
      disk('below-low-low', low, '1Gi', [60, 30, 10], none),
      disk('below-high-high', high, '1Gi', [150, 150, 50], none),
      disk('below-high-low', high, '1Gi', [10, 40, 100], none),
    ]);
  });

  it('by inodes: by priority, then how many', () => {
    expectOrder('nodefs.inodesFree', [
      disk('low-high', low, '', none, [50_000, 100_000, 250_000]),
      disk('low-low', low, '', none, [60_000, 30_000, 10_000]),
      disk('high-high', high, '', none, [150_000, 150_000, 50_000]),
      disk('high-low', high, '', none, [10_000, 40_000, 100_000]),
    ]);
  });

  it('by processes: by priority, then how many', () => {
    const processes = (name: string, priority: number, count: number): Candidate => ({
      pod: pod(name, {priority}),
      stats: stats(name, {containers: [container({pids: Array(count).fill(1)})]}),
    });
    expectOrder('pid.available', [
      processes('low-high', low, 20),
      processes('low-low', low, 6),
      processes('high-high', high, 20),
      processes('high-low', high, 5),
    ]);
  });

  it.each<[Signal]>([['memory.available'], ['nodefs.available'], ['nodefs.inodesFree'], ['pid.available']])(
    'by %s, and first those of which nothing is known',
    (signal) => {
      expectOrder(signal, [
        {pod: pod('unknown'), stats: undefined},
        disk('known', 0, '', [9, 9, 9], [9, 9, 9]),
      ]);
    },
  );
});

describe('thresholds are met', () => {
  const observed = (all: Partial<Record<Signal, readonly [available: number, capacity: number]>>) =>
    new Map(
      Object.entries(all).map(([signal, [available, capacity]]) => [
        signal as Signal,
        {available, capacity, timeMs: 1},
      ]),
    ) satisfies Observations;
  const hard: Threshold = {
    signal: 'memory.available',
    graceMs: 0,
    value: {quantity: gi, text: '1Gi'},
    minReclaim: {quantity: 500 * mi, text: '500Mi'},
  };
  const parts: readonly Threshold[] = [
    {signal: 'memory.available', graceMs: 0, value: {part: 0.2}, minReclaim: {part: 0.05}},
    {signal: 'nodefs.available', graceMs: 0, value: {part: 0.3}},
  ];

  it.each<[string, readonly Threshold[], Observations, boolean, Signal[]]>([
    ['none at all', [], observed({}), false, []],
    ['below', [hard], observed({'memory.available': [500 * mi, 0]}), false, ['memory.available']],
    ['just at it', [hard], observed({'memory.available': [gi, 0]}), false, []],
    ['above', [hard], observed({'memory.available': [2 * gi, 0]}), false, []],
    ['not reclaimed yet', [hard], observed({'memory.available': [1.05 * gi, 0]}), true, ['memory.available']],
    ['reclaimed', [hard], observed({'memory.available': [2 * gi, 0]}), true, []],
    ['not measured', [hard], observed({}), false, []],
    [
      'both parts',
      parts,
      observed({'memory.available': [100 * mi, 1000 * mi], 'nodefs.available': [100 * gi, 1000 * gi]}),
      false,
      ['memory.available', 'nodefs.available'],
    ],
    [
      'no part',
      parts,
      observed({'memory.available': [300 * mi, 1000 * mi], 'nodefs.available': [400 * gi, 1000 * gi]}),
      false,
      [],
    ],
    [
      'the part of the disk',
      parts,
      observed({'memory.available': [300 * mi, 1000 * mi], 'nodefs.available': [100 * gi, 1000 * gi]}),
      false,
      ['nodefs.available'],
    ],
    [
      'a part not reclaimed yet',
      parts,
      observed({'memory.available': [225 * mi, 1000 * mi]}),
      true,
      ['memory.available'],
    ],
    ['a part reclaimed', parts, observed({'memory.available': [300 * mi, 1000 * mi]}), true, []],
  ])('%s', (_name, thresholds, observations, withReclaim, expected) => {
    expect(thresholdsMet(thresholds, observations, withReclaim).map(({signal}) => signal)).toEqual(expected);
  });

  it.each<[Signal]>([['memory.available'], ['allocatableMemory.available']])('%s first', (memory) => {
    const signals: readonly Signal[] = ['nodefs.available', 'pid.available', memory];
    const all = signals.map((signal) => ({...hard, signal}));
    const low = observed(Object.fromEntries(signals.map((signal) => [signal, [1, 10]])));
    const {urgent} = judge(all, low, newEvictionMemory, 1, 0);
    expect(urgent.map(({signal}) => signal)).toEqual([memory, 'nodefs.available', 'pid.available']);
  });
});
