import {qosClass} from '../../config/pod/qos.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import {amount, requestsOf} from './predicates.ts';
import type {ActivePod} from './types.ts';

/** So much of a resource must become free. */
export type Requirement = {readonly resource: string; readonly quantity: number};

const systemCriticalPriority = 2_000_000_000;

/** Static pods, their mirrors, and what has a system priority class (pkg/kubelet/types, IsCriticalPod). */
export function isCritical({metadata, spec}: Pod, isStatic: boolean): boolean {
  const isMirror = metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  return isStatic || isMirror || (spec.priority ?? 0) >= systemCriticalPriority;
}

/**
 * The pods that end so that a critical one can run: as few as possible, best effort before burstable before
 * guaranteed, the nearest to what is missing first (preemption.go). Undefined when all of them would not do.
 */
export function podsToPreempt(
  pod: Pod,
  isStatic: boolean,
  others: readonly ActivePod[],
  requirements: readonly Requirement[],
): readonly Pod[] | undefined {
  const candidates = others.filter((other) => isPreemptable(pod, isStatic, other)).map((other) => other.pod);
  const ofClass = (name: string) => candidates.filter(({spec}) => qosClass(spec) === name);
  const [bestEffort, burstable, guaranteed] = ['BestEffort', 'Burstable', 'Guaranteed'].map(ofClass);
  if (!bestEffort || !burstable || !guaranteed || without(requirements, candidates).length > 0)
    return undefined;
  const hard = nearest(guaranteed, without(requirements, [...bestEffort, ...burstable]));
  const middle = nearest(burstable, without(requirements, [...bestEffort, ...hard]));
  const soft = nearest(bestEffort, without(requirements, [...middle, ...hard]));
  return [...soft, ...middle, ...hard];
}

function isPreemptable(preemptor: Pod, isStatic: boolean, other: ActivePod): boolean {
  if (isCritical(preemptor, isStatic) && !isCritical(other.pod, other.isStatic)) return true;
  const [mine, theirs] = [preemptor.spec.priority, other.pod.spec.priority];
  return mine !== undefined && theirs !== undefined && mine > theirs;
}

function nearest(pods: readonly Pod[], requirements: readonly Requirement[]): Pod[] {
  const chosen: Pod[] = [];
  let left = [...pods];
  let needed = requirements;
  while (needed.length > 0 && left.length > 0) {
    const ranked = left.map((pod) => ({pod, distance: distance(needed, pod)}));
    const [best] = ranked.sort((a, b) => a.distance - b.distance || bySize(a.pod, b.pod));
    if (best === undefined) break;
    chosen.push(best.pod);
    left = left.filter((pod) => pod !== best.pod);
    needed = without(needed, [best.pod]);
  }
  return chosen;
}

/** How far the pod is from meeting the requirements: each counts by the part of it that stays open. */
function distance(requirements: readonly Requirement[], pod: Pod): number {
  return requirements
    .map(({resource, quantity}) => Math.max(0, quantity - holding(pod, resource)) / quantity)
    .reduce((sum, part) => sum + part ** 2, 0);
}

function bySize(a: Pod, b: Pod): number {
  return holding(a, 'memory') - holding(b, 'memory') || holding(a, 'cpu') - holding(b, 'cpu');
}

function without(requirements: readonly Requirement[], pods: readonly Pod[]): Requirement[] {
  return requirements
    .map(({resource, quantity}) => ({
      resource,
      quantity: pods.reduce((rest, pod) => rest - holding(pod, resource), quantity),
    }))
    .filter(({quantity}) => quantity > 0);
}

/** Each pod holds one of the node's places for pods. */
function holding(pod: Pod, resource: string): number {
  return resource === 'pods' ? 1 : amount(resource, requestsOf(pod));
}
