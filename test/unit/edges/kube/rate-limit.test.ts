import {describe, expect, it} from 'vitest';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {limited, RateLimit} from '../../../../src/edges/kube/rate-limit.ts';
import {pods} from '../../../../src/lib/resources.ts';
import type {Clock} from '../../../../src/lib/time.ts';

/** A clock that stands still until it is moved, and then calls who is due. */
function handClock() {
  let nowMs = 0;
  const due: {atMs: number; fn: () => void}[] = [];
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    after(ms, fn) {
      const one = {atMs: nowMs + ms, fn};
      due.push(one);
      return () => void due.splice(due.indexOf(one), due.includes(one) ? 1 : 0);
    },
  };
  const move = (ms: number) => {
    nowMs += ms;
    for (const one of [...due]) if (one.atMs <= nowMs) one.fn();
  };
  return {clock, move};
}

describe('a rate', () => {
  it('lets a burst through, then one after the other, and forgives with time', () => {
    const {clock, move} = handClock();
    const limit = new RateLimit({perSecond: 10, burst: 2}, clock);
    expect([1, 2, 3, 4].map(() => limit.takeMs())).toEqual([0, 0, 100, 200]);
    move(150);
    expect(limit.takeMs()).toBeCloseTo(150);
    move(10_000);
    expect([1, 2, 3].map(() => limit.takeMs())).toEqual([0, 0, 100]);
  });

  it('of nothing is no limit', () => {
    const limit = new RateLimit({perSecond: 0, burst: 0}, handClock().clock);
    expect(Array.from({length: 1000}, () => limit.takeMs()).every((ms) => ms === 0)).toBe(true);
  });

  it('holds calls of a client back in their order, and lets go of who gives up', async () => {
    const {clock, move} = handClock();
    const called: string[] = [];
    const base: Partial<KubeClient> = {
      async get(_resource, {name}) {
        called.push(name);
        throw new Error(`no ${name}`);
      },
    };
    const client = limited(base as KubeClient, {perSecond: 1, burst: 1}, clock);
    const gone = new AbortController();
    const ask = (name: string, signal?: AbortSignal) =>
      client.get(pods, {name, namespace: 'n'}, signal === undefined ? {} : {signal}).catch(String);
    const asked = [ask('a'), ask('b', gone.signal), ask('c')];
    await asked[0];
    expect(called).toEqual(['a']);
    gone.abort(new Error('given up'));
    expect(await asked[1]).toContain('given up');
    move(2_000);
    expect(await asked[2]).toContain('no c');
    expect(called).toEqual(['a', 'c']);
  });
});
