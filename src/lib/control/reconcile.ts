import {NodectlError} from '../errors.ts';

/** What a decider answers: acts in order, and when to look again. Neither means settled. */
export type Decision<Act> = {readonly acts: readonly Act[]; readonly againInMs?: number};

/** The one shape of everything that changes the world: observe → decide → apply, until nothing is left. */
export type Reconciler<Seen, Act> = {
  observe(key: string, signal: AbortSignal): Promise<Seen>;
  /** Pure and synchronous; the clock is part of what was seen. */
  decide(seen: Seen): Decision<Act>;
  apply(act: Act, signal: AbortSignal): Promise<void>;
};

export const settled: Decision<never> = {acts: []};

export type ConvergeOptions<Act> = {
  /** Rounds with acts before the reconciler is declared unable to settle. */
  readonly maxRounds?: number;
  readonly signal?: AbortSignal;
  readonly onAct?: (act: Act) => void;
  /** Waits `ms`; given by the edge clock. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Monotonic milliseconds after which waiting (`againInMs`) ends with an error. */
  readonly deadlineMs?: number;
  readonly monotonic: () => number;
};

/**
 * Runs a reconciler for one key until it is settled; returns how many acts were done.
 * @throws NodectlError ND901 when it never settles, ND902 when a wait passes its deadline
 */
export async function converge<Seen, Act>(
  reconciler: Reconciler<Seen, Act>,
  key: string,
  options: ConvergeOptions<Act>,
): Promise<number> {
  const signal = options.signal ?? new AbortController().signal;
  const maxRounds = options.maxRounds ?? 25;
  let done = 0;
  for (let round = 0; round < maxRounds; ) {
    signal.throwIfAborted();
    const decision = reconciler.decide(await reconciler.observe(key, signal));
    for (const act of decision.acts) {
      signal.throwIfAborted();
      options.onAct?.(act);
      await reconciler.apply(act, signal);
      done++;
    }
    if (decision.acts.length > 0) round++;
    else if (decision.againInMs === undefined) return done;
    else await waitAgain(decision.againInMs, key, signal, options);
  }
  throw new NodectlError('ND901', `${key} did not settle after ${maxRounds} rounds`);
}

async function waitAgain<Act>(
  ms: number,
  key: string,
  signal: AbortSignal,
  options: ConvergeOptions<Act>,
): Promise<void> {
  if (options.deadlineMs !== undefined && options.monotonic() + ms > options.deadlineMs)
    throw new NodectlError('ND902', `${key} is still waiting at its deadline`);
  await options.sleep(ms, signal);
}
