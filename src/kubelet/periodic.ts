import type {Cancel, Clock} from '../lib/time.ts';

export type Periodic = {stop(): Promise<void>};

export type Period = {readonly clock: Clock; readonly firstMs: number; readonly everyMs: number};

/** Rounds of work, `everyMs` after each other's end; `work` handles its own errors. Stopping waits for the last one. */
export function startPeriodic(
  {clock, firstMs, everyMs}: Period,
  work: (isStopped: () => boolean) => Promise<void>,
): Periodic {
  let cancel: Cancel = () => undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const round = async () => {
    await work(() => stopped);
    if (!stopped) cancel = clock.after(everyMs, begin);
  };
  const begin = () => {
    running = round();
  };
  cancel = clock.after(firstMs, begin);
  return {
    async stop() {
      stopped = true;
      cancel();
      await running;
    },
  };
}
