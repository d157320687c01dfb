import type {Cancel, Clock} from '../time.ts';
import {Backoff, type BackoffOptions} from './backoff.ts';

export type QueueOptions = {
  readonly clock: Clock;
  /** Keys worked on at the same time; one key is never worked on twice at once. */
  readonly concurrency: number;
  readonly backoff: BackoffOptions;
  /** Does one round for a key; a thrown error enqueues it again after its back-off. */
  readonly work: (key: string, signal: AbortSignal) => Promise<{readonly againInMs?: number} | undefined>;
  readonly onError: (key: string, error: unknown, retryInMs: number) => void;
};

/** A keyed work queue: bursts for one key coalesce, rounds for one key are serial. */
export class Queue {
  readonly #options: QueueOptions;
  readonly #backoff: Backoff;
  readonly #ready = new Set<string>();
  readonly #running = new Map<string, AbortController>();
  readonly #timers = new Map<string, {atMs: number; cancel: Cancel}>();
  #stopped = false;
  #idle: (() => void)[] = [];

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.backoff);
  }

  /** A round for `key` as soon as a worker is free; while one runs, another follows it. */
  enqueue(key: string): void {
    if (this.#stopped) return;
    this.#cancelTimer(key);
    this.#ready.add(key);
    this.#pump();
  }

  /** A round in `ms` unless an earlier one is due. */
  enqueueAfter(key: string, ms: number): void {
    if (this.#stopped || this.#ready.has(key)) return;
    const {clock} = this.#options;
    const atMs = clock.monotonic() + ms;
    const known = this.#timers.get(key);
    if (known !== undefined && known.atMs <= atMs) return;
    this.#cancelTimer(key);
    this.#timers.set(key, {atMs, cancel: clock.after(ms, () => this.enqueue(key))});
  }

  /** Aborts the running round of `key` (a deletion must not wait for an image pull) and starts another. */
  interrupt(key: string, reason: string): void {
    this.#running.get(key)?.abort(new Error(reason));
    this.enqueue(key);
  }

  /** Whether `key` waits for its time: after a failure, or because it asked for another round later. */
  isDelayed(key: string): boolean {
    return this.#timers.has(key);
  }

  get size(): number {
    return this.#ready.size + this.#running.size;
  }

  /** Resolves when nothing runs and nothing is ready; timers may still be set. */
  idle(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** No new rounds; resolves when the running ones have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ready.clear();
    for (const key of [...this.#timers.keys()]) this.#cancelTimer(key);
    for (const controller of this.#running.values()) controller.abort(new Error('stopping'));
    await this.idle();
  }

  #cancelTimer(key: string): void {
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
  }

  #pump(): void {
    for (const key of this.#ready) {
      if (this.#running.size >= this.#options.concurrency) return;
      if (this.#running.has(key)) continue;
      this.#ready.delete(key);
      void this.#round(key);
    }
  }

  async #round(key: string): Promise<void> {
    const controller = new AbortController();
    this.#running.set(key, controller);
    try {
      const result = await this.#options.work(key, controller.signal);
      this.#backoff.succeed(key);
      if (result?.againInMs !== undefined) this.enqueueAfter(key, result.againInMs);
    } catch (error) {
      if (!controller.signal.aborted) this.#failed(key, error);
    } finally {
      // A key that asks for itself again in every round must not starve timers and sockets of this process.
      if (this.#ready.has(key)) await new Promise((resolve) => setImmediate(resolve));
      this.#running.delete(key);
      this.#pump();
      if (this.size === 0) for (const wake of this.#idle.splice(0)) wake();
    }
  }

  #failed(key: string, error: unknown): void {
    const retryInMs = this.#backoff.fail(key, this.#options.clock.monotonic());
    this.#options.onError(key, error, retryInMs);
    this.enqueueAfter(key, retryInMs);
  }
}
