import {watch} from 'node:fs';
import type {Clock} from '../../lib/time.ts';

/**
 * Calls `onChange` soon after something in a directory has changed, and at least every `everyMs`, whatever the
 * kernel tells; also while the directory does not exist. Ends with the returned function.
 */
export function watchDirectory(
  path: string,
  everyMs: number,
  clock: Clock,
  onChange: () => void,
): () => void {
  /** A file that is being written makes many events. */
  const settleMs = 50;
  let stopped = false;
  let watcher: {close(): void} | undefined;
  let cancelTick = () => {};
  let cancelSettle: (() => void) | undefined;
  const soon = () => {
    cancelSettle ??= clock.after(settleMs, () => {
      cancelSettle = undefined;
      if (!stopped) onChange();
    });
  };
  const open = () => {
    try {
      const opened = watch(path, soon);
      opened.on('error', () => {
        opened.close();
        watcher = undefined;
      });
      watcher = opened;
    } catch {
      // Not there yet: the next tick tries again.
      watcher = undefined;
    }
  };
  const tick = () => {
    if (watcher === undefined) open();
    onChange();
    if (!stopped) cancelTick = clock.after(everyMs, tick);
  };
  tick();
  return () => {
    stopped = true;
    cancelTick();
    cancelSettle?.();
    watcher?.close();
  };
}
