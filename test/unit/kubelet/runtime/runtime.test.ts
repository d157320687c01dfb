import {describe, expect, it} from 'vitest';
import {taskEvent} from '../../../../src/edges/runtime/containerd-events.ts';
import {lastLogText} from '../../../../src/kubelet/runtime/log-text.ts';
import {StartLimit} from '../../../../src/kubelet/runtime/start-limit.ts';

describe('the start limit', () => {
  const timers: (() => void)[] = [];
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_ms: number, fn: () => void) => {
      timers.push(fn);
      return () => void timers.splice(timers.indexOf(fn), 1);
    },
  };

  it('gives the place of what hangs to others, once', async () => {
    const limit = new StartLimit(1, clock);
    const {signal} = new AbortController();
    const [hanging, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const order: string[] = [];
    const all = [
      limit.run('finish', signal, () => hanging.promise),
      limit.run('begin', signal, async () => {
        order.push('second');
        await second.promise;
      }),
      limit.run('begin', signal, async () => void order.push('third')),
    ];
    await expect.poll(() => timers.length).toBe(1);
    timers[0]?.();
    await expect.poll(() => order).toEqual(['second']);
    hanging.resolve();
    await all[0];
    expect(order).toEqual(['second']);
    second.resolve();
    await Promise.all(all);
    expect(order).toEqual(['second', 'third']);
    expect(timers).toEqual([]);
  });

  it('bounds what runs, and lets a half-made pod go first', async () => {
    const limit = new StartLimit(1, clock);
    const {signal} = new AbortController();
    const order: string[] = [];
    const first = Promise.withResolvers<void>();
    const all = [
      limit.run('begin', signal, () => first.promise),
      limit.run('begin', signal, async () => void order.push('begin')),
      limit.run('finish', signal, async () => void order.push('finish')),
    ];
    first.resolve();
    await Promise.all(all);
    expect(order).toEqual(['finish', 'begin']);
  });

  it('gives its place on after a failure', async () => {
    const limit = new StartLimit(1, clock);
    const {signal} = new AbortController();
    await expect(limit.run('begin', signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(limit.run('begin', signal, async () => 1)).resolves.toBe(1);
  });

  it('lets a waiting one give up without losing a place', async () => {
    const limit = new StartLimit(1, clock);
    const controller = new AbortController();
    const first = Promise.withResolvers<void>();
    const running = limit.run('begin', new AbortController().signal, () => first.promise);
    const waiting = limit.run('begin', controller.signal, async () => 1);
    controller.abort(new Error('deleted'));
    await expect(waiting).rejects.toThrow('deleted');
    first.resolve();
    await running;
    await expect(limit.run('begin', new AbortController().signal, async () => 2)).resolves.toBe(2);
  });
});

describe('a task event', () => {
  const field = (number: number, value: Buffer | string): Buffer => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
  };

  const envelope = (topic: string, ...fields: Buffer[]) => {
    const event = Buffer.concat([field(1, 'containerd.events.Any'), field(2, Buffer.concat(fields))]);
    return Buffer.concat([field(2, 'k8s.io'), field(3, topic), field(4, event)]);
  };

  it('is read by its topic and container', () => {
    const exit = envelope('/tasks/exit', field(1, 'abc'), field(2, 'abc'));
    expect(taskEvent(exit)).toEqual({topic: '/tasks/exit', containerId: 'abc'});
    expect(taskEvent(envelope('/tasks/delete', field(1, 'abc')))).toEqual({
      topic: '/tasks/delete',
      containerId: 'abc',
    });
  });

  it('is none when only a program in the container has ended, as of an exec probe', () =>
    expect(taskEvent(envelope('/tasks/exit', field(1, 'abc'), field(2, 'exec-1')))).toBeUndefined());

  it('is none when it is damaged', () => {
    expect(taskEvent(Buffer.from([0xff, 0xff, 0xff]))).toBeUndefined();
    expect(taskEvent(Buffer.alloc(0))).toBeUndefined();
  });
});

describe('the end of a log', () => {
  const at = '2026-01-01T00:00:00.000000000Z';
  it('joins partial lines and keeps spaces', () => {
    expect(lastLogText(`${at} stdout P a b\n${at} stderr F  c\n`, 80, 100)).toBe('a b c\n');
  });

  it('has at most so many lines and bytes', () => {
    const log = Array.from({length: 100}, (_, n) => `${at} stdout F line${n}\n`).join('');
    expect(lastLogText(log, 2, 100)).toBe('line98\nline99\n');
    expect(lastLogText(log, 80, 7)).toBe('line99\n');
  });
});
