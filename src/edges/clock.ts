import type {Clock} from '../lib/time.ts';

/** Node's timers are 32 bits wide: a longer one would fire at once. */
const longestMs = 2 ** 31 - 1;

/** The machine's clocks. Timers are unref'ed: work keeps a process alive, waiting does not. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: monotonicMs,
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(ms, longestMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Waits `ms`, keeping the process alive; rejects with the signal's reason when aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, {once: true});
  });
}

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

/** When this process began, as `performance.now()` counts: code that has seen nothing yet may begin with 0. */
const begunNs = process.hrtime.bigint() - BigInt(Math.round(process.uptime() * 1e9));

/** Not `performance.now()`: Node loads all of its observers of performance for that, a megabyte in each daemon. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() - begunNs) / 1e6;
}
