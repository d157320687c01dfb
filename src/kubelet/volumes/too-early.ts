import {sleep} from '../../edges/clock.ts';

/**
 * The API server's node authorizer hears of a pod's node from a watch of its own, like we do, and often later: until
 * then it refuses the pod's objects and tokens in these words (plugin/pkg/auth/authorizer/node).
 */
const refusal = 'no relationship found between node';
const againMs = [50, 100, 200, 400];

/** Work that asks for what a pod refers to: done again in a moment where it came before the authorizer knew. */
export async function unlessTooEarly<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  pause: (ms: number, signal?: AbortSignal) => Promise<void> = sleep,
): Promise<T> {
  for (const ms of againMs)
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error && error.message.includes(refusal))) throw error;
      await pause(ms, signal);
    }
  return work();
}
