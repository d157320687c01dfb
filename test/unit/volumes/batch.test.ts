import {describe, expect, it} from 'vitest';
import {tableLine} from '../../../src/edges/mounts/mount-batch.ts';
import {Batch, Lanes} from '../../../src/lib/control/batch.ts';

const held = () => {
  const works: {items: readonly string[]; done: (faults: readonly unknown[]) => void}[] = [];
  const work = (items: readonly string[]) =>
    new Promise<readonly unknown[]>((done) => void works.push({items, done}));
  return {works, work};
};

describe('a batch', () => {
  it('does at once what comes alone, and together what comes meanwhile', async () => {
    const {works, work} = held();
    const batch = new Batch({lanes: 1, work});
    const all = ['a', 'b', 'c'].map((item) => batch.add(item));
    expect(works.map(({items}) => items)).toEqual([['a']]);
    works[0]?.done([]);
    await all[0];
    await expect.poll(() => works[1]?.items).toEqual(['b', 'c']);
    const fault = new Error('busy');
    works[1]?.done([undefined, fault]);
    await all[1];
    await expect(all[2]).rejects.toBe(fault);
  });

  it('fails for all where its work fails, and goes on', async () => {
    let fails = true;
    const batch = new Batch<string>({
      lanes: 2,
      work: async () => {
        if (fails) throw new Error('no process');
        return [];
      },
    });
    await expect(batch.add('a')).rejects.toThrow('no process');
    fails = false;
    await batch.add('b');
  });
});

it('lanes let so many work at a time, in order, also after a failure', async () => {
  const lanes = new Lanes(2);
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((at) =>
    lanes.run(async () => {
      started.push(at);
      await new Promise<void>((resolve, reject) =>
        ends.push(at === 0 ? () => reject(new Error('0')) : resolve),
      );
    }),
  );
  const first = expect(all[0]).rejects.toThrow('0');
  expect(started).toEqual([0, 1]);
  ends[0]?.();
  await first;
  await expect.poll(() => started).toEqual([0, 1, 2]);
  for (const end of ends) end();
  await expect.poll(() => started).toEqual([0, 1, 2, 3]);
  ends[3]?.();
  await Promise.allSettled(all);
});

it('writes a line of a mount table that mount(8) reads as it was meant', () => {
  expect(tableLine({target: '/a b\\#c', options: ['size=4096']}, true)).toBe(
    'tmpfs /a\\040b\\134\\043c tmpfs rw,size=4096,noswap 0 0\n',
  );
  expect(tableLine({target: '/a', options: []}, false)).toBe('tmpfs /a tmpfs rw 0 0\n');
});
