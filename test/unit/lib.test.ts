import {describe, expect, it} from 'vitest';
import {Backoff} from '../../src/lib/control/backoff.ts';
import {Queue} from '../../src/lib/control/queue.ts';
import {converge} from '../../src/lib/control/reconcile.ts';
import {formatBytes, parseQuantity, quantityMilli, quantityValue} from '../../src/lib/quantity.ts';
import type {Clock} from '../../src/lib/time.ts';

function fakeClock(): Clock & {advance(ms: number): void} {
  let now = 0;
  let timers: {at: number; fn: () => void}[] = [];
  return {
    now: () => now,
    monotonic: () => now,
    after(ms, fn) {
      const timer = {at: now + ms, fn};
      timers.push(timer);
      return () => {
        timers = timers.filter((t) => t !== timer);
      };
    },
    advance(ms) {
      now += ms;
      for (const timer of timers.filter((t) => t.at <= now)) {
        timers = timers.filter((t) => t !== timer);
        timer.fn();
      }
    },
  };
}

describe('quantities', () => {
  it.each([
    ['1', 1_000_000_000n],
    ['100m', 100_000_000n],
    ['1.5Gi', 1_610_612_736n * 1_000_000_000n],
    ['1e3', 1000n * 1_000_000_000n],
    ['12E', 12n * 10n ** 27n],
    ['.5', 500_000_000n],
    ['-2k', -2000n * 1_000_000_000n],
    ['0.1n', 1n],
  ])('reads %s', (text, nano) => expect(parseQuantity(text)).toBe(nano));
  it.each(['', 'x', '1.2.3', '1 Gi', 'Ki', '--1', '1e999'])('refuses %j', (text) =>
    expect(parseQuantity(text)).toBeUndefined(),
  );
  it('rounds up', () => {
    expect(quantityValue('1m')).toBe(1);
    expect(quantityMilli('100u')).toBe(1);
    expect(quantityMilli('2')).toBe(2000);
  });
  it('prints the largest exact unit', () =>
    expect([134217728, 1000, 1536].map(formatBytes)).toEqual(['128Mi', '1000', '1536']));
});

describe('back-off', () => {
  it('doubles to its bound and starts again after a quiet time', () => {
    const backoff = new Backoff({firstMs: 10, maxMs: 40, resetAfterMs: 100});
    expect([0, 10, 30, 70].map((t) => backoff.fail('k', t))).toEqual([10, 20, 40, 40]);
    expect(backoff.remaining('k', 100)).toBe(10);
    expect(backoff.fail('k', 70 + 40 + 101)).toBe(10);
  });
});

describe('queue', () => {
  const until = async (queue: Queue) => {
    await queue.idle();
  };

  it('coalesces a burst, never runs one key twice at once, and honours its concurrency', async () => {
    let running = 0;
    let most = 0;
    const rounds: string[] = [];
    const queue = new Queue({
      clock: fakeClock(),
      concurrency: 2,
      backoff: {firstMs: 1, maxMs: 1},
      onError: () => undefined,
      work: async (key) => {
        most = Math.max(most, ++running);
        rounds.push(key);
        await Promise.resolve();
        running--;
        return undefined;
      },
    });
    for (const key of ['a', 'a', 'b', 'c', 'a']) queue.enqueue(key);
    await until(queue);
    expect(rounds.sort()).toEqual(['a', 'a', 'b', 'c']);
    expect(most).toBe(2);
  });

  it('tries a failed key again after its back-off', async () => {
    const clock = fakeClock();
    let rounds = 0;
    const delays: number[] = [];
    const queue = new Queue({
      clock,
      concurrency: 1,
      backoff: {firstMs: 100, maxMs: 1000},
      onError: (_key, _error, ms) => delays.push(ms),
      work: async () => {
        if (++rounds < 3) throw new Error('no');
        return undefined;
      },
    });
    queue.enqueue('a');
    await until(queue);
    clock.advance(100);
    await until(queue);
    clock.advance(200);
    await until(queue);
    expect(delays).toEqual([100, 200]);
    expect(rounds).toBe(3);
  });

  it('leaves the event loop its turn when a key asks for itself in every round', async () => {
    let rounds = 0;
    let stop = false;
    setImmediate(() => {
      stop = true;
    });
    const queue: Queue = new Queue({
      clock: fakeClock(),
      concurrency: 1,
      backoff: {firstMs: 1, maxMs: 1},
      onError: () => undefined,
      work: async (key) => {
        rounds++;
        if (!stop && rounds < 1_000_000) queue.enqueue(key);
        return undefined;
      },
    });
    queue.enqueue('a');
    await until(queue);
    expect(rounds).toBeLessThan(10);
  });

  it('aborts the running round when interrupted', async () => {
    const reasons: unknown[] = [];
    let rounds = 0;
    const queue = new Queue({
      clock: fakeClock(),
      concurrency: 1,
      backoff: {firstMs: 1, maxMs: 1},
      onError: () => undefined,
      work: (_key, signal) => {
        rounds++;
        if (rounds > 1) return Promise.resolve(undefined);
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            reject(signal.reason);
          }),
        );
      },
    });
    queue.enqueue('a');
    queue.interrupt('a', 'deleted');
    await until(queue);
    expect(reasons).toHaveLength(1);
    expect(rounds).toBe(2);
  });
});

describe('converge', () => {
  const options = {sleep: async () => undefined, monotonic: () => 0};

  it('acts until settled and then does nothing', async () => {
    let value = 0;
    const reconciler = {
      observe: async () => value,
      decide: (seen: number) => ({acts: seen < 3 ? ['add' as const] : []}),
      apply: async () => {
        value++;
      },
    };
    expect(await converge(reconciler, 'k', options)).toBe(3);
    expect(await converge(reconciler, 'k', options)).toBe(0);
  });

  it('fails loudly when it never settles', async () => {
    const reconciler = {observe: async () => 0, decide: () => ({acts: ['x']}), apply: async () => undefined};
    await expect(converge(reconciler, 'k', options)).rejects.toMatchObject({code: 'ND901'});
  });
});
