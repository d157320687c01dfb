import {describe, expect, it} from 'vitest';
import {parsePrepareForShutdown} from '../../../../src/edges/systemd/logind.ts';
import {groupByPriority, shutdownPeriods} from '../../../../src/kubelet/shutdown/groups.ts';

const none = {
  shutdownGracePeriod: 0,
  shutdownGracePeriodCriticalPods: 0,
  shutdownGracePeriodByPodPriority: [],
};

describe('shutdownPeriods', () => {
  it('are none unless configured', () => {
    expect(shutdownPeriods(none)).toEqual([]);
    expect(
      shutdownPeriods({...none, shutdownGracePeriod: 5_000, shutdownGracePeriodCriticalPods: 6_000}),
    ).toEqual([]);
  });

  it('leave critical pods their part of the whole', () => {
    expect(
      shutdownPeriods({...none, shutdownGracePeriod: 30_000, shutdownGracePeriodCriticalPods: 10_000}),
    ).toEqual([
      {priority: 0, seconds: 20},
      {priority: 2_000_000_000, seconds: 10},
    ]);
  });

  it('come from the lowest priority to the highest', () => {
    const shutdownGracePeriodByPodPriority = [
      {priority: 100, shutdownGracePeriodSeconds: 10},
      {priority: 0, shutdownGracePeriodSeconds: 60},
    ];
    expect(
      shutdownPeriods({...none, shutdownGracePeriodByPodPriority}).map(({priority}) => priority),
    ).toEqual([0, 100]);
  });
});

describe('groupByPriority', () => {
  const periods = [
    {priority: 10, seconds: 1},
    {priority: 100, seconds: 2},
    {priority: 1000, seconds: 3},
  ];
  it.each([
    [-5, 0],
    [10, 0],
    [99, 0],
    [100, 1],
    [999, 1],
    [1000, 2],
    [5000, 2],
  ])('priority %d goes with group %d', (priority, at) => {
    const groups = groupByPriority(periods, [{priority}]);
    expect(groups.map(({pods}) => pods.length)).toEqual([0, 1, 2].map((index) => Number(index === at)));
  });
});

/** nodeshutdown_manager_test.go, by its meaning. */
describe('as Kubernetes’ own tests have it', () => {
  it.each([
    [
      300,
      120,
      [
        [0, 180],
        [2_000_000_000, 120],
      ],
    ],
    [
      100,
      0,
      [
        [0, 100],
        [2_000_000_000, 0],
      ],
    ],
    [0, 0, []],
    [1, 100, []],
  ])('%d s, of which %d are for critical pods', (whole, critical, expected) => {
    const config = {
      ...none,
      shutdownGracePeriod: whole * 1000,
      shutdownGracePeriodCriticalPods: critical * 1000,
    };
    expect(shutdownPeriods(config).map(({priority, seconds}) => [priority, seconds])).toEqual(expected);
  });

  it.each([
    [
      [0, 2_000_000_000],
      [0, 1_000_000_000, 2_000_000_000],
      [[0, 1_000_000_000], [2_000_000_000]],
    ],
    [
      [1, 2, 3, 4],
      [0, 1, 2, 3, 4, 5],
      [[0, 1], [2], [3], [4, 5]],
    ],
  ])('groups of %j', (priorities, pods, expected) => {
    const groups = groupByPriority(
      priorities.map((priority) => ({priority, seconds: 10})),
      pods.map((priority) => ({priority})),
    );
    expect(groups.map((group) => group.pods.map(({priority}) => priority))).toEqual(expected);
  });
});

describe('a line of busctl monitor', () => {
  it.each([
    ['{"type":"signal","member":"PrepareForShutdown","payload":{"type":"b","data":[true]}}', true],
    ['{"type":"signal","member":"PrepareForShutdown","payload":{"type":"b","data":[false]}}', false],
    ['{"type":"signal","member":"PrepareForSleep","payload":{"type":"b","data":[true]}}', undefined],
    ['{"type":"signal","member":"PrepareForShutdown","payload":{"type":"","data":[]}}', undefined],
    ['not json', undefined],
  ])('%s', (line, expected) => {
    expect(parsePrepareForShutdown(line)).toBe(expected);
  });
});
