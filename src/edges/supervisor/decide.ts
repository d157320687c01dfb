import type {Decision} from '../../lib/control/reconcile.ts';

/** One supervised daemon as it is seen, the clock included. */
export type Seen = {
  readonly installed: boolean;
  readonly wanted: boolean;
  readonly nowMs: number;
  readonly running: boolean;
  /** It was not started by this supervisor, so its end is only found by looking. */
  readonly adopted: boolean;
  /** Must end even if wanted: a restart was asked for. */
  readonly condemned: boolean;
  /** When it was asked to end, if it was. */
  readonly stoppingSinceMs: number | undefined;
  readonly stopTimeoutMs: number;
  /** Back-off after its last end. */
  readonly notBeforeMs: number;
  /** Every wanted daemon that goes first runs. */
  readonly dependenciesRun: boolean;
};

export type Act = {readonly kind: 'spawn'} | {readonly kind: 'terminate'} | {readonly kind: 'kill'};

const lookAgainMs = 100;
const adoptedLookMs = 1000;

/** `settled`: it is as wanted, though an adopted daemon is looked at again. */
export type Verdict = Decision<Act> & {readonly settled: boolean};

/** Start what is wanted and does not run; end what runs and is not wanted, hard when it does not go. */
export function decide(seen: Seen): Verdict {
  const shouldRun = seen.installed && seen.wanted && !seen.condemned;
  if (seen.running) return shouldRun ? watch(seen) : end(seen);
  if (!shouldRun) return {settled: true, acts: []};
  if (!seen.dependenciesRun) return {settled: false, acts: [], againInMs: lookAgainMs};
  if (seen.nowMs < seen.notBeforeMs)
    return {settled: false, acts: [], againInMs: seen.notBeforeMs - seen.nowMs};
  return {settled: false, acts: [{kind: 'spawn'}], againInMs: 0};
}

function watch(seen: Seen): Verdict {
  return {settled: true, acts: [], ...(seen.adopted ? {againInMs: adoptedLookMs} : {})};
}

function end(seen: Seen): Verdict {
  if (seen.stoppingSinceMs === undefined)
    return {settled: false, acts: [{kind: 'terminate'}], againInMs: lookAgainMs};
  const overdue = seen.nowMs - seen.stoppingSinceMs >= seen.stopTimeoutMs;
  return {settled: false, acts: overdue ? [{kind: 'kill'}] : [], againInMs: lookAgainMs};
}
