import {type ProgressEvent, showProgress} from './progress.ts';

/** Shows the progress of something long; Ctrl-C aborts it at its next step, and a second one ends at once. */
export async function withProgress<T>(
  work: (deps: {onEvent: (event: ProgressEvent) => void; signal: AbortSignal}) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt);
  const progress = showProgress();
  try {
    const result = await work({onEvent: progress.onEvent, signal: stop.signal});
    await progress.end();
    return result;
  } catch (error) {
    await progress.end(error);
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}
