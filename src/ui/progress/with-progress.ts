import {onInterrupt} from './interrupt.ts';
import {type ProgressEvent, showProgress} from './progress.ts';

/** Shows the progress of something long; Ctrl-C aborts it at its next step, and a second one ends at once. */
export async function withProgress<T>(
  work: (deps: {onEvent: (event: ProgressEvent) => void; signal: AbortSignal}) => Promise<T>,
): Promise<T> {
  const interrupt = onInterrupt();
  const progress = showProgress();
  try {
    const result = await work({onEvent: progress.onEvent, signal: interrupt.signal});
    await progress.end();
    return result;
  } catch (error) {
    await progress.end(error);
    throw error;
  } finally {
    interrupt.end();
  }
}
