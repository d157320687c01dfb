import type {Pressure, PressureKind} from '../node/pressure.ts';
import {type Observations, pressureOf} from './signals.ts';
import {type Threshold, thresholdKey, thresholdsMet} from './thresholds.ts';

/** What is remembered from one round to the next. Instants are monotonic milliseconds. */
export type EvictionMemory = {
  readonly firstMetMs: ReadonlyMap<string, number>;
  /** Crossed, their grace over, and not yet over themselves. */
  readonly met: readonly Threshold[];
  readonly pressureSeenMs: ReadonlyMap<PressureKind, number>;
  readonly last: Observations;
};

export const newEvictionMemory: EvictionMemory = {
  firstMetMs: new Map(),
  met: [],
  pressureSeenMs: new Map(),
  last: new Map(),
};

export type Judgement = {
  readonly memory: EvictionMemory;
  readonly pressure: Pressure;
  /** Something must be done about these, the most urgent first. */
  readonly urgent: readonly Threshold[];
};

/** What the observations mean (eviction_manager.go, synchronize). Pure. */
export function judge(
  thresholds: readonly Threshold[],
  observations: Observations,
  before: EvictionMemory,
  nowMs: number,
  transitionMs: number,
): Judgement {
  const crossed = merge(
    thresholdsMet(thresholds, observations, false),
    thresholdsMet(before.met, observations, true),
  );
  const firstMetMs = new Map(
    crossed.map((threshold) => {
      const key = thresholdKey(threshold);
      return [key, before.firstMetMs.get(key) ?? nowMs];
    }),
  );
  const pressureSeenMs = new Map(before.pressureSeenMs);
  for (const {signal} of crossed) pressureSeenMs.set(pressureOf(signal), nowMs);
  const met = crossed.filter(
    (threshold) => nowMs - (firstMetMs.get(thresholdKey(threshold)) ?? nowMs) >= threshold.graceMs,
  );
  // What was not measured anew since the last round says nothing of what that round has freed.
  const urgent = met.filter(({signal}) => {
    const last = before.last.get(signal);
    const now = observations.get(signal);
    return now !== undefined && (last === undefined || now.timeMs > last.timeMs);
  });
  const held = (kind: PressureKind): boolean => {
    const seenMs = pressureSeenMs.get(kind);
    return seenMs !== undefined && nowMs - seenMs < transitionMs;
  };
  return {
    memory: {firstMetMs, met, pressureSeenMs, last: observations},
    pressure: {memory: held('memory'), disk: held('disk'), pid: held('pid')},
    urgent: urgent.sort((a, b) => rank(a) - rank(b)),
  };
}

/** Memory first: a node without it may not come to evict for anything else. */
function rank({signal}: Threshold): number {
  return pressureOf(signal) === 'memory' ? 0 : 1;
}

function merge(a: readonly Threshold[], b: readonly Threshold[]): Threshold[] {
  const keys = new Set(a.map(thresholdKey));
  return [...a, ...b.filter((threshold) => !keys.has(thresholdKey(threshold)))];
}
