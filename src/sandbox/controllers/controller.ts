import {isConflict, isNotFound} from '../../edges/kube/errors.ts';
import {Queue} from '../../lib/control/queue.ts';
import type {Decision} from '../../lib/control/reconcile.ts';
import {describeError} from '../../lib/errors.ts';
import type {Caches} from './caches.ts';
import type {ControllerDeps} from './deps.ts';
import type {EventRecorder} from './events.ts';

/** What every controller is given. */
export type Context = ControllerDeps & {
  readonly caches: Caches;
  readonly events: EventRecorder;
  /** Resolves when every cache is complete: no round starts before. */
  readonly ready: Promise<void>;
};

export type Controller<Seen, Act> = {
  readonly name: string;
  readonly concurrency?: number;
  /** From the caches, synchronously; undefined when there is nothing to look after. */
  observe(key: string): Seen | undefined;
  decide(seen: Seen): Decision<Act>;
  apply(act: Act, signal: AbortSignal): Promise<void>;
};

/** client-go's work queue starts at 5 ms; a sandbox has no reason to wait longer than half a minute. */
const backoff = {firstMs: 5, maxMs: 30_000, resetAfterMs: 60_000};

/** Runs a controller: a key in, one observe → decide → apply round, and again when something changes. */
export function runController<Seen, Act>(context: Context, controller: Controller<Seen, Act>): Queue {
  const log = context.log.with({controller: controller.name});
  return new Queue({
    clock: context.clock,
    concurrency: controller.concurrency ?? 4,
    backoff,
    work: async (key, signal) => {
      await context.ready;
      signal.throwIfAborted();
      const seen = controller.observe(key);
      if (seen === undefined) return undefined;
      const decision = controller.decide(seen);
      for (const act of decision.acts) await controller.apply(act, signal);
      return {againInMs: decision.againInMs};
    },
    onError: (key, error, retryInMs) => {
      const fields = {key, error: describeError(error), retryInMs};
      // Both say that the cache was older than the server; the next round sees what is now.
      if (isConflict(error) || isNotFound(error)) log.debug('round is repeated', fields);
      else log.warn('round failed', fields);
    },
  });
}
