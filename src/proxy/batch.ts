/**
 * When to commit what has changed. An idle proxy commits at once; under churn changes are gathered for a little longer
 * than a commit takes, so that the kernel is never the queue: 5 to 20 ms, and never more than minSyncPeriod.
 */
export type BatchFacts = {
  readonly nowMs: number;
  /** When the last commit ended; undefined before the first. */
  readonly lastEndMs: number | undefined;
  readonly lastTookMs: number;
  readonly maxWaitMs: number;
};

const shortestMs = 5;
const longestMs = 20;

export function commitInMs({nowMs, lastEndMs, lastTookMs, maxWaitMs}: BatchFacts): number {
  if (lastEndMs === undefined) return 0;
  const window = Math.min(Math.max(2 * lastTookMs, shortestMs), longestMs, maxWaitMs);
  return Math.max(0, lastEndMs + window - nowMs);
}
