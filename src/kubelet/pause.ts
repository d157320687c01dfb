import type {Clock} from '../lib/time.ts';

/** Resolves after `ms`, or when the signal aborts: the caller looks at the signal next. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, {once: true});
    if (signal.aborted) done();
  });
}
