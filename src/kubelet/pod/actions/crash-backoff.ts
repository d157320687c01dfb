import type {Pod} from '../../../lib/kubernetes.ts';
import type {CrashBackoff} from '../seen.ts';
import {specOf} from '../status/termination.ts';

const firstMs = 10_000;
/** A restart so long ago counts no more, whatever the longest wait is (kubelet.go, crashLoopBackOff.HasExpiredFunc). */
const forgottenMs = 600_000;

/** A container with another image or other resources is not the one that crashed (kuberuntime, GetBackoffKey). */
export function crashKey(pod: Pod | undefined, name: string): string {
  const spec = specOf(pod, name);
  return JSON.stringify([name, spec?.image, spec?.resources]);
}

/**
 * The wait before a container is started again: 10 s, doubling, counted from its end. The first restart is at once.
 * Ten minutes after it was started it begins anew, also while it waits: housekeeping forgets then what there was
 * (client-go's flowcontrol.Backoff, GC).
 */
export class CrashBackoffs {
  readonly #maxMs: number;
  readonly #entries = new Map<string, {delayMs: number; updatedMs: number}>();

  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  /** A container that had ended is started again now. Wall clock, as the runtime tells of ends. */
  restarted(name: string, nowMs: number): void {
    const entry = this.#entries.get(name);
    const fresh = entry === undefined || isForgotten(entry, nowMs);
    const delayMs = fresh ? Math.min(firstMs, this.#maxMs) : Math.min(entry.delayMs * 2, this.#maxMs);
    this.#entries.set(name, {delayMs, updatedMs: nowMs});
  }

  /** What a container that ended at `endedMs` must still wait; undefined when it may start. */
  waits(name: string, endedMs: number, nowMs: number): CrashBackoff | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined || isForgotten(entry, nowMs)) return undefined;
    const {delayMs, updatedMs} = entry;
    // A clock that was set must not make the wait longer than it is.
    const remainingMs = Math.min(endedMs + delayMs - nowMs, updatedMs + forgottenMs - nowMs, delayMs);
    return remainingMs <= 0 ? undefined : {delayMs, remainingMs};
  }
}

function isForgotten({updatedMs}: {readonly updatedMs: number}, nowMs: number): boolean {
  return nowMs - updatedMs >= forgottenMs;
}
