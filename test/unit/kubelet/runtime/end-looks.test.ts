import {expect, it} from 'vitest';
import {EndLooks} from '../../../../src/kubelet/runtime/end-looks.ts';

/** A clock that goes to the next timer when it is told to. */
function fixture() {
  let ms = 0;
  let ended = false;
  let timers: {atMs: number; fn: () => void}[] = [];
  const looks: number[] = [];
  const clock = {
    now: () => ms,
    monotonic: () => ms,
    after: (inMs: number, fn: () => void) => {
      const timer = {atMs: ms + inMs, fn};
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
  };
  const ends = new EndLooks({clock, hasEnded: () => ended, look: () => looks.push(ms)});
  return {
    told: (topic: string) => ends.told({topic, containerId: 'a'}),
    stop: () => ends.stop(),
    end: () => {
      ended = true;
    },
    looks,
    /** False when nothing waits any more. */
    next() {
      const [first] = timers.sort((a, b) => a.atMs - b.atMs);
      if (first === undefined) return false;
      timers = timers.filter((one) => one !== first);
      ms = first.atMs;
      first.fn();
      return true;
    },
  };
}

it('looks after the end of a task, soon and then ever less often', () => {
  const {told, next, looks} = fixture();
  told('/tasks/delete');
  while (next());
  expect(looks).toEqual([4, 12, 28, 60, 124, 252, 508]);
});

it('stops when the end is seen', () => {
  const {told, next, looks, end} = fixture();
  told('/tasks/delete');
  next();
  next();
  end();
  while (next());
  expect(looks).toEqual([4, 12]);
});

it('waits for the end of the task behind an exit, but not for ever', () => {
  const {told, next, looks} = fixture();
  told('/tasks/exit');
  next();
  expect(looks).toEqual([64]);
  told('/tasks/delete');
  while (next());
  expect(looks).toEqual([64, 68, 76, 92, 124, 188, 316, 572]);
});

it('looks after nothing that is known to have ended, nor after it was stopped', () => {
  const {told, next, looks, stop, end} = fixture();
  told('/tasks/delete');
  stop();
  expect(next()).toBe(false);
  end();
  told('/tasks/exit');
  expect(next()).toBe(false);
  expect(looks).toEqual([]);
});
