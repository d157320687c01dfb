import type {Node, Pod} from '../../../lib/kubernetes.ts';
import type {Labels} from '../../../lib/labels.ts';
import {matchesNode, type Placed, podAffinityProblem} from './affinity.ts';
import {type Amounts, amounts, hostPorts, plus, podRequests, portsCollide} from './requests.ts';
import {isTolerated} from './taints.ts';

/** A node and what is on it. */
export type NodeInfo = {
  readonly node: Node;
  readonly pods: readonly Pod[];
  readonly requested: Amounts;
  readonly allocatable: Amounts;
};

export function nodeInfo(node: Node, pods: readonly Pod[]): NodeInfo {
  const requested = pods.reduce((sum, pod) => plus(sum, podRequests(pod)), amounts(undefined));
  return {node, pods, requested, allocatable: amounts(node.status?.allocatable)};
}

export type Surroundings = {
  readonly placed: readonly Placed[];
  readonly namespaceLabels: (name: string) => Labels;
};

/** Why a pod cannot run on a node, in kube-scheduler's words; none means that it can. First plugin to refuse wins. */
export function reasonsAgainst(pod: Pod, info: NodeInfo, around: Surroundings): readonly string[] {
  const {node} = info;
  const unschedulable = {key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule'};
  if (node.spec?.unschedulable && !isTolerated(pod.spec.tolerations, unschedulable))
    return ['node(s) were unschedulable'];
  const hard = (node.spec?.taints ?? []).filter((taint) => taint.effect !== 'PreferNoSchedule');
  if (!hard.every((taint) => isTolerated(pod.spec.tolerations, taint)))
    return ['node(s) had untolerated taint(s)'];
  if (!matchesNode(pod, node)) return ["node(s) didn't match Pod's node affinity/selector"];
  const wanted = hostPorts(pod);
  const taken = wanted.length === 0 ? [] : info.pods.flatMap(hostPorts);
  if (wanted.some((a) => taken.some((b) => portsCollide(a, b))))
    return ["node(s) didn't have free ports for the requested pod ports"];
  const insufficient = missingResources(pod, info);
  if (insufficient.length > 0) return insufficient;
  const problem = podAffinityProblem(pod, node, around.placed, around.namespaceLabels);
  return problem === undefined ? [] : [problem];
}

function missingResources(pod: Pod, info: NodeInfo): string[] {
  const reasons: string[] = [];
  if (info.pods.length + 1 > (info.allocatable.pods ?? 0)) reasons.push('Too many pods');
  for (const [name, wanted] of Object.entries(podRequests(pod))) {
    const free = (info.allocatable[name] ?? 0) - (info.requested[name] ?? 0);
    if (wanted > 0 && wanted > free) reasons.push(`Insufficient ${name}`);
  }
  return reasons;
}

/** 0–100: how empty the node stays (NodeResourcesFit, LeastAllocated), less what it would rather not take. */
export function score(pod: Pod, info: NodeInfo): number {
  const wanted = podRequests(pod);
  const shares = ['cpu', 'memory'].map((name) => {
    const capacity = info.allocatable[name] ?? 0;
    // Pods without requests count as kube-scheduler counts them: 100m and 200Mi.
    const floor = name === 'cpu' ? 100 : 200 * 1024 * 1024;
    const used =
      info.pods.reduce((sum, other) => sum + (podRequests(other)[name] || floor), 0) +
      (wanted[name] || floor);
    return capacity === 0 ? 0 : Math.max(0, 1 - used / capacity);
  });
  const unwelcome = (info.node.spec?.taints ?? []).filter(
    (taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(pod.spec.tolerations, taint),
  ).length;
  return (
    (100 * shares.reduce((sum, share) => sum + share, 0)) / shares.length -
    100 * unwelcome +
    preference(pod, info.node)
  );
}

/** Preferred node affinity: the weights of the terms that hold. */
function preference(pod: Pod, node: Node): number {
  const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return preferred.reduce((sum, {weight, preference: term}) => {
    const probe: Pod = {
      ...pod,
      spec: {
        containers: [],
        affinity: {
          nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [term]}},
        },
      },
    };
    return sum + (matchesNode(probe, node) ? weight : 0);
  }, 0);
}
