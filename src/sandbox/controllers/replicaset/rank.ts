import type {Pod} from '../../../lib/kubernetes.ts';
import {conditionOf, isPodReady} from '../pods.ts';

const phases: Readonly<Record<string, number>> = {Pending: 0, Unknown: 1, Running: 2};
const cost = 'controller.kubernetes.io/pod-deletion-cost';

/**
 * controller.ActivePodsWithRanks: which pods go first. Unassigned, not running, not ready, cheap to delete, those that
 * share their node with most others, ready for a shorter time, restarted more often, younger.
 */
export function deletionOrder(pods: readonly Pod[]): Pod[] {
  const perNode = new Map<string, number>();
  for (const pod of pods) {
    const node = pod.spec.nodeName ?? '';
    perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const ranks = new Map(pods.map((pod) => [pod, rank(pod, perNode)]));
  return [...pods].sort((a, b) => compare(ranks.get(a) ?? [], ranks.get(b) ?? []));
}

/** Smaller goes first, place by place. */
function rank(pod: Pod, perNode: ReadonlyMap<string, number>): number[] {
  const ready = conditionOf(pod, 'Ready');
  const since =
    ready?.status === 'True' && ready.lastTransitionTime ? Date.parse(ready.lastTransitionTime) : 0;
  const restarts = (pod.status?.containerStatuses ?? []).reduce(
    (most, c) => Math.max(most, c.restartCount),
    0,
  );
  const created = pod.metadata.creationTimestamp;
  return [
    pod.spec.nodeName ? 1 : 0,
    phases[pod.status?.phase ?? 'Pending'] ?? 0,
    isPodReady(pod) ? 1 : 0,
    Number(pod.metadata.annotations?.[cost] ?? '0') || 0,
    -(perNode.get(pod.spec.nodeName ?? '') ?? 0),
    since === 0 ? 0 : -since,
    -restarts,
    created === undefined ? 0 : -Date.parse(created),
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [at, value] of a.entries()) {
    const difference = value - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
