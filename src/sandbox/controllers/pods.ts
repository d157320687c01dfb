import type {Node, Pod} from '../../lib/kubernetes.ts';

type Condition = {readonly type: string; readonly status: string; readonly lastTransitionTime?: string};

export function conditionOf<C extends Condition>(
  object: {readonly status?: {readonly conditions?: readonly C[]}} | undefined,
  type: string,
): C | undefined {
  return object?.status?.conditions?.find((condition) => condition.type === type);
}

export const isPodReady = (pod: Pod): boolean => conditionOf(pod, 'Ready')?.status === 'True';

export const isNodeReady = (node: Node): boolean => conditionOf(node, 'Ready')?.status === 'True';

/** Succeeded or Failed: nothing of it runs any more. */
export const isTerminal = (pod: Pod): boolean =>
  pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** controller.IsPodActive: neither finished nor on its way out. */
export const isActive = (pod: Pod): boolean =>
  !isTerminal(pod) && pod.metadata.deletionTimestamp === undefined;

/** Milliseconds until a ready pod counts as available; 0 when it does, undefined when it is not ready. */
export function availableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  const ready = conditionOf(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  if (ready.lastTransitionTime === undefined) return undefined;
  return Math.max(0, Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 - nowMs);
}

/** The conditions with one replaced or added; the time of a transition only moves when the status does. */
export function withCondition<C extends Condition>(conditions: readonly C[] | undefined, next: C): C[] {
  const old = conditions?.find((condition) => condition.type === next.type);
  const kept = old?.status === next.status && old.lastTransitionTime !== undefined;
  const merged = kept ? {...next, lastTransitionTime: old.lastTransitionTime} : next;
  return old === undefined
    ? [...(conditions ?? []), merged]
    : (conditions ?? []).map((condition) => (condition.type === next.type ? merged : condition));
}
