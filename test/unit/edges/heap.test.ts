import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';

const {flags, collections, young} = vi.hoisted(() => ({
  flags: [] as string[],
  collections: {count: 0},
  young: {bytes: 0, collected: () => {}},
}));
vi.mock('node:v8', () => ({
  setFlagsFromString: (flag: string) => flags.push(flag),
  getHeapSpaceStatistics: () => [{space_name: 'new_space', space_size: young.bytes}],
}));
vi.mock('node:vm', () => ({
  runInNewContext: () => () => {
    collections.count++;
  },
}));
vi.stubGlobal(
  'PerformanceObserver',
  class {
    constructor(seen: () => void) {
      young.collected = seen;
    }
    observe(): void {}
  },
);
const {keepHeapSmall} = await import('../../../src/edges/machine/heap.ts');

const checkMs = 15_000;
let cpuMs = 0;
let heapTotal = 0;

beforeEach(() => {
  vi.useFakeTimers();
  flags.length = 0;
  young.bytes = 2 ** 20;
  collections.count = 0;
  heapTotal = 100 * 2 ** 20;
  vi.spyOn(process, 'cpuUsage').mockImplementation((before) => ({
    user: cpuMs * 1000 - (before?.user ?? 0),
    system: 0,
  }));
  vi.spyOn(process, 'memoryUsage').mockImplementation(
    // Only that much of it is asked for.
    Object.assign(() => ({heapTotal, rss: 0, heapUsed: 0, external: 0, arrayBuffers: 0}), {rss: () => 0}),
  );
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** So many checks between which the process has worked four tenths of each second, or not at all. */
function pass(checks: number, work: 'busy' | 'idle'): void {
  seconds((checks * checkMs) / 1000, work);
}

function seconds(count: number, work: 'busy' | 'idle'): void {
  for (let at = 0; at < count; at++) {
    if (work === 'busy') cpuMs += 400;
    vi.advanceTimersByTime(1000);
  }
}
const growth = () =>
  flags
    .filter((flag) => flag.startsWith('--semi-space-growth-factor'))
    .at(-1)
    ?.at(-1);

describe('the heap of a daemon', () => {
  it('is collected at the end of a burst, within which the young generation grows', () => {
    keepHeapSmall({youngGrowth: 2});
    pass(3, 'busy');
    expect([growth(), collections.count]).toEqual(['2', 0]);
    pass(1, 'idle');
    expect([growth(), collections.count]).toEqual(['1', 1]);
  });

  it('is collected once where the work goes on, and does not grow young again until it ends', () => {
    keepHeapSmall({youngGrowth: 2});
    pass(10, 'busy');
    expect([growth(), collections.count]).toEqual(['1', 1]);
    pass(1, 'idle');
    seconds(1, 'busy');
    expect(growth()).toBe('2');
  });

  it('grows young within a second of work, and not for what little is done in the others', () => {
    keepHeapSmall({youngGrowth: 2});
    seconds(1, 'idle');
    expect(growth()).toBe('1');
    cpuMs += 100;
    vi.advanceTimersByTime(1000);
    expect(growth()).toBe('1');
    seconds(1, 'busy');
    expect(growth()).toBe('2');
    seconds(1, 'idle');
    expect(growth()).toBe('1');
  });

  it('does not let the young generation grow without bound, in this burst or the next', () => {
    keepHeapSmall({youngGrowth: 2});
    young.bytes = 16 * 2 ** 20;
    young.collected();
    expect(growth()).toBe('2');
    young.bytes = 32 * 2 ** 20;
    young.collected();
    expect(growth()).toBe('1');
    seconds(1, 'busy');
    expect(growth()).toBe('1');
    young.bytes = 2 ** 20;
    seconds(1, 'busy');
    expect(growth()).toBe('2');
  });

  it('is collected at the end of a burst in the middle of which it was larger', () => {
    keepHeapSmall();
    pass(1, 'idle');
    heapTotal = 200 * 2 ** 20;
    pass(6, 'busy');
    expect(collections.count).toBe(2);
    heapTotal = 180 * 2 ** 20;
    pass(1, 'idle');
    expect(collections.count).toBe(3);
    // What is left then is what later growth is held against.
    heapTotal = 185 * 2 ** 20;
    pass(3, 'idle');
    expect(collections.count).toBe(3);
  });

  it('has a young generation that never grows where nobody asks for it', () => {
    keepHeapSmall();
    expect(growth()).toBe('1');
    pass(6, 'busy');
    pass(2, 'idle');
    expect(growth()).toBe('1');
  });

  it('is left alone where a collection is not worth it', () => {
    keepHeapSmall();
    pass(1, 'idle');
    heapTotal += 5 * 2 ** 20;
    pass(5, 'idle');
    expect(collections.count).toBe(1);
  });

  it('has a compiler more in a long burst, and where it has all of them keeps them', () => {
    const compiler = () => flags.filter((flag) => flag.endsWith('maglev')).at(-1);
    const heap = keepHeapSmall({compilers: 'the simplest'});
    expect(compiler()).toBe('--no-maglev');
    heap.hurry();
    expect([compiler(), collections.count]).toEqual(['--maglev', 1]);
    heap.collect();
    expect([compiler(), collections.count]).toEqual(['--no-maglev', 2]);
    flags.length = 0;
    keepHeapSmall().collect();
    expect(compiler()).toBeUndefined();
  });
});
