import type {Pod} from '../../../lib/kubernetes.ts';
import type {PodSeen, Verdict} from '../seen.ts';
import {containerStatuses} from '../status/container-states.ts';
import {isTerminal, phaseOf} from '../status/phase.ts';
import {isRestartingAll} from './restart-all.ts';

/** Why a pod comes to its end. */
export type Ending =
  | {readonly why: 'deleted'}
  | {readonly why: 'verdict'; readonly verdict: Verdict}
  | {readonly why: 'finished'};

/** Undefined while the pod shall run. */
export function endingOf(seen: PodSeen, pod: Pod): Ending | undefined {
  const verdict = seen.verdict ?? deadlineVerdict(seen, pod);
  if (verdict !== undefined) return {why: 'verdict', verdict};
  if (seen.pod === undefined || pod.metadata.deletionTimestamp !== undefined) return {why: 'deleted'};
  if (isTerminal(seen.status?.phase) || isTerminal(pod.status?.phase)) return {why: 'finished'};
  if (isRestarting(seen) || isRestartingAll(seen, pod)) return undefined;
  const statuses = [...containerStatuses(seen, pod, 'init'), ...containerStatuses(seen, pod, 'regular')];
  const phase = phaseOf({
    spec: pod.spec,
    statuses,
    ended: false,
    isStatic: seen.isStatic,
    hasStarted: true,
    restartingAll: false,
  });
  return isTerminal(phase) ? {why: 'finished'} : undefined;
}

/** A container was ended so that it starts again: its exit decides nothing. */
export function isRestarting({runtime, restarting}: PodSeen): boolean {
  return runtime.containers.some(({id, state}) => state === 'exited' && restarting.has(id));
}

/** Milliseconds until activeDeadlineSeconds is over; undefined where there is none. */
export function deadlineInMs(seen: PodSeen, pod: Pod): number | undefined {
  const seconds = pod.spec.activeDeadlineSeconds;
  const start = seen.status?.startTime ?? pod.status?.startTime;
  if (seconds === undefined || start === undefined) return undefined;
  return Math.max(0, Date.parse(start) + seconds * 1000 - seen.nowMs);
}

function deadlineVerdict(seen: PodSeen, pod: Pod): Verdict | undefined {
  if (isTerminal(seen.status?.phase) || deadlineInMs(seen, pod) !== 0) return undefined;
  return {
    reason: 'DeadlineExceeded',
    message: 'Pod was active on the node longer than the specified deadline',
    failed: true,
  };
}
