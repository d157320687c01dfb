import {watch} from 'node:fs';
import type {Clock} from '../../lib/time.ts';

/**
 * Calls `onChange` soon after something in a directory has changed, and at least every `everyMs`, whatever the
 * kernel tells; also while the directory does not exist. `gone` names what was taken away since the last call, even if
 * it is there again; `inTurn` are the calls that come by the clock. Ends with the returned function.
 */
export function watchDirectory(
  path: string,
  everyMs: number,
  clock: Clock,
  onChange: (gone: ReadonlySet<string>, inTurn: boolean) => void,
): () => void {
  /** A file that is being written makes many events. */
  const settleMs = 50;
  let stopped = false;
  let watcher: {close(): void} | undefined;
  let cancelTick = () => {};
  let cancelSettle: (() => void) | undefined;
  /** Being removed, made and moved are a `rename` each; being replaced by another file is one. */
  const renames = new Map<string, number>();
  const told = (inTurn: boolean) => {
    const gone = new Set([...renames].filter(([, count]) => count > 1).map(([name]) => name));
    renames.clear();
    onChange(gone, inTurn);
  };
  const soon = (event: string, name: string | null) => {
    if (event === 'rename' && name !== null) renames.set(name, (renames.get(name) ?? 0) + 1);
    cancelSettle ??= clock.after(settleMs, () => {
      cancelSettle = undefined;
      if (!stopped) told(false);
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
    told(true);
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
