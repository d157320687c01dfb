import type {TaskEvent} from '../../edges/runtime/containerd-events.ts';
import type {Cancel, Clock} from '../../lib/time.ts';

export type EndLooksOptions = {
  readonly clock: Clock;
  /** What was read of it last says that it has ended, or that it is gone; or our own call will. */
  readonly hasEnded: (containerId: string) => boolean;
  /** Reads the container's pod anew. */
  readonly look: (containerId: string) => void;
};

/**
 * containerd tells of an end before its CRI plugin shows it: first the exit of the process, then the end of its task,
 * and the plugin notes the end right behind that, on disk. So it is the task's end that we look after; after an exit
 * alone only in case that never comes.
 */
const firstMs: Readonly<Record<string, number>> = {'/tasks/exit': 64, '/tasks/delete': 4};
/** Each wait is twice the last one, up to that. */
const longestMs = 256;

/** Looks after the ends of containers until they are seen. */
export class EndLooks {
  readonly #options: EndLooksOptions;
  readonly #pending = new Map<string, Cancel>();

  constructor(options: EndLooksOptions) {
    this.#options = options;
  }

  told({topic, containerId}: TaskEvent): void {
    const ms = firstMs[topic];
    if (ms === undefined) return;
    this.#pending.get(containerId)?.();
    this.#lookIn(ms, containerId);
  }

  stop(): void {
    for (const cancel of this.#pending.values()) cancel();
    this.#pending.clear();
  }

  #lookIn(ms: number, containerId: string): void {
    const {clock, hasEnded, look} = this.#options;
    this.#pending.delete(containerId);
    if (hasEnded(containerId) || ms > longestMs) return;
    const begin = () => {
      if (!hasEnded(containerId)) look(containerId);
      this.#lookIn(2 * ms, containerId);
    };
    this.#pending.set(containerId, clock.after(ms, begin));
  }
}
