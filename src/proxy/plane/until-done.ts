import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';

type Work = {
  readonly what: string;
  readonly work: () => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

const firstPauseMs = 1_000;
const longestPauseMs = 600_000;

/**
 * What another mode has left would go on sending packets to the endpoints of its last day: what fails once, as somebody
 * holds a lock, is tried again for as long as this serves. Resolves after the first try.
 */
export async function untilDone(task: Work, pauseMs = firstPauseMs): Promise<void> {
  const {what, work, clock, log, signal} = task;
  if (signal.aborted) return;
  try {
    await work();
  } catch (error) {
    if (signal.aborted) return;
    log[pauseMs === firstPauseMs ? 'warn' : 'debug']('not settled, trying again', {
      what,
      error: describeError(error),
    });
    const longer = Math.min(pauseMs * 2, longestPauseMs);
    clock.after(pauseMs, () => void untilDone(task, longer));
  }
}
