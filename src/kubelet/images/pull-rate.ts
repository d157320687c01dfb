import {pause} from '../../edges/clock.ts';
import type {Clock} from '../../lib/time.ts';

/**
 * registryPullQPS and registryBurst: so many pulls may begin at once, and then so many a second. Where Kubernetes fails
 * a pull that comes too early ("pull QPS exceeded") and backs off for ten seconds, it only waits for its turn here.
 */
export function createPullRate(
  clock: Clock,
  {registryPullQPS: qps, registryBurst: burst}: {registryPullQPS: number; registryBurst: number},
): (signal: AbortSignal) => Promise<void> {
  let tokens = burst;
  let atMs = clock.monotonic();
  return (signal) => {
    if (qps === 0) return Promise.resolve();
    const nowMs = clock.monotonic();
    tokens = Math.min(burst, tokens + ((nowMs - atMs) * qps) / 1000) - 1;
    atMs = nowMs;
    // Below zero the turn lies in the future: those who come later wait longer.
    return tokens >= 0 ? Promise.resolve() : pause(clock, (-tokens * 1000) / qps, signal);
  };
}
