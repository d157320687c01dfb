import type {PodSeen} from '../seen.ts';
import type {RuntimeContainer, RuntimeSandbox} from '../status/runtime-state.ts';

/**
 * A runtime that ends a sandbox kills the containers in it first, one after the other, with SIGKILL (containerd's
 * StopPodSandbox): what was killed by somebody else may be the first sign of that. Kubernetes' kubelet looks each second
 * and sees mostly the end of it; who hears of each exit at once would start the container again in what is about to go.
 */
const settleMs = 500;
const killedBySigkill = 137;

/** For how long nothing that has ended is started again in that sandbox. */
export function settlesInMs({runtime, restarting, nowMs}: PodSeen, {id}: RuntimeSandbox): number {
  const killed = runtime.containers.filter(
    (container) => container.sandboxId === id && isKilled(container) && !restarting.has(container.id),
  );
  const lastMs = Math.max(0, ...killed.map(({finishedAtMs}) => finishedAtMs));
  // A clock that was set must not make the wait longer than it is.
  return Math.max(0, Math.min(lastMs + settleMs - nowMs, settleMs));
}

function isKilled({state, exitCode, reason}: RuntimeContainer): boolean {
  return state === 'exited' && exitCode === killedBySigkill && reason !== 'OOMKilled';
}
