import {describe, expect, it} from 'vitest';
import {oomMessage, startOomWatch} from '../../../../src/kubelet/node/system-oom.ts';
import {silent} from '../../../../src/lib/log.ts';
import type {Clock} from '../../../../src/lib/time.ts';

const killed = (pid: number, prefix = 'Out of memory') =>
  `${prefix}: Killed process ${pid} (stress ng) total-vm:8123456kB, anon-rss:7000000kB, file-rss:0kB, UID:0 pgtables:1kB`;

describe('oomMessage', () => {
  it.each([
    [killed(4711), 'System OOM encountered, victim process: stress ng, pid: 4711'],
    [
      'Out of memory: Kill process 9 (java) score 900 or sacrifice child',
      'System OOM encountered, victim process: java, pid: 9',
    ],
    [
      'Out of memory (oom_kill_allocating_task): Killed process 7 (a(b)) total-vm:1kB',
      'System OOM encountered, victim process: a(b), pid: 7',
    ],
    [killed(1, 'Memory cgroup out of memory'), undefined],
    [
      'oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/,task=x,pid=3,uid=0',
      undefined,
    ],
    ['app said: Out of memory: Killed process 5 (liar)', undefined],
  ])('%s', (text, message) => expect(oomMessage(text)).toBe(message));
});

/** Each call of `round` is one look. */
function watch() {
  const kernel = {kills: 0, log: [] as string[], reads: 0};
  const told: string[] = [];
  let next: () => void = () => undefined;
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_, fn) => {
      next = fn;
      return () => undefined;
    },
  };
  startOomWatch({
    clock,
    log: silent,
    tell: (reason, message) => told.push(`${reason}: ${message}`),
    countKills: async () => kernel.kills,
    readLog: async (like) => {
      kernel.reads++;
      return kernel.log.filter((text) => like.test(text)).map((text) => ({text}));
    },
  });
  const round = async () => {
    next();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {kernel, told, round};
}

describe('startOomWatch', () => {
  it('tells each victim of the machine once, and nothing of those before it began', async () => {
    const {kernel, told, round} = watch();
    Object.assign(kernel, {kills: 1, log: [killed(1)]});
    await round();
    expect(told).toEqual([]);
    Object.assign(kernel, {
      kills: 3,
      log: [...kernel.log, killed(2), killed(3, 'Memory cgroup out of memory')],
    });
    await round();
    await round();
    await round();
    expect(told).toEqual(['SystemOOM: System OOM encountered, victim process: stress ng, pid: 2']);
  });

  it('sees what the kernel wrote after it had counted, and does not read while nothing is counted', async () => {
    const {kernel, told, round} = watch();
    await round();
    await round();
    expect(kernel.reads).toBe(0);
    kernel.kills = 1;
    await round();
    kernel.log = [killed(8)];
    await round();
    expect(told).toHaveLength(1);
    const {reads} = kernel;
    await round();
    expect(kernel.reads).toBe(reads);
  });
});
