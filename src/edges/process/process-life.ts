import {writeFile} from 'node:fs/promises';
import {setPriority} from 'node:os';

/** Timers of ours do not keep a process alive; a daemon that only waits needs something that does. */
export function keepAlive(): () => void {
  const timer = setInterval(() => undefined, 2 ** 30);
  return () => clearInterval(timer);
}

/** Goes before others on a machine that is too busy to answer otherwise; lowering the number takes CAP_SYS_NICE. */
export function goFirst(): void {
  try {
    setPriority(0, -10);
  } catch {
    // Then it waits its turn.
  }
}

/** How much the kernel prefers this process when it must kill one; lowering it takes CAP_SYS_RESOURCE. */
export async function setOomScoreAdj(value: number): Promise<void> {
  await writeFile('/proc/self/oom_score_adj', String(value));
}

/**
 * Aborts when this process is told to end, which it does after `withinMs` in any case: a program that it waits for may be
 * stopped, or a server frozen, and who told it would kill it a little later. Not with `once`: execa raises a signal again
 * when nobody listens to it any more, and that would end a process that has children before it could clean up.
 */
export function endingSignal({withinMs}: {readonly withinMs?: number} = {}): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.on(name, () => {
      if (withinMs !== undefined && !stop.signal.aborted) setTimeout(() => process.exit(), withinMs).unref();
      stop.abort(new Error(`got ${name}`));
    });
  return stop.signal;
}
