import {sleep} from './clock.ts';

/** Ends `work` after `ms`: its signal is aborted, and who waits for it waits no longer, whatever it does. */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const late = new AbortController();
  const expiry = sleep(ms, AbortSignal.any([done.signal, signal])).then((): never => {
    const error = new Error(`no answer within ${ms / 1000} s`);
    late.abort(error);
    throw error;
  });
  try {
    return await Promise.race([work(AbortSignal.any([late.signal, signal])), expiry]);
  } finally {
    done.abort();
    expiry.catch(() => undefined);
  }
}
