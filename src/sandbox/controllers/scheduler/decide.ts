import type {Decision} from '../../../lib/control/reconcile.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import type {Labels} from '../../../lib/labels.ts';
import {conditionOf} from '../pods.ts';
import type {Placed} from './affinity.ts';
import {type NodeInfo, reasonsAgainst, score} from './filter.ts';

export type SchedulingSeen = {
  readonly pod: Pod;
  readonly nodes: readonly NodeInfo[];
  readonly namespaceLabels: (name: string) => Labels;
};

export type SchedulingAct =
  | {readonly type: 'bind'; readonly pod: Pod; readonly node: string}
  | {readonly type: 'refuse'; readonly pod: Pod; readonly message: string};

export function decideScheduling(seen: SchedulingSeen): Decision<SchedulingAct> {
  const {pod, nodes, namespaceLabels} = seen;
  const placed: Placed[] = nodes.flatMap(({node, pods}) => pods.map((other) => ({pod: other, node})));
  const verdicts = nodes.map((info) => ({
    info,
    reasons: reasonsAgainst(pod, info, {placed, namespaceLabels}),
  }));
  const fitting = verdicts.filter(({reasons}) => reasons.length === 0).map(({info}) => info);
  const best = bestOf(pod, fitting);
  if (best !== undefined) return {acts: [{type: 'bind', pod, node: best.node.metadata.name}]};
  const message =
    nodes.length === 0 ? 'no nodes available to schedule pods' : explain(verdicts.map((v) => v.reasons));
  const told = conditionOf(pod, 'PodScheduled');
  if (told?.status === 'False' && told.message === message) return {acts: []};
  return {acts: [{type: 'refuse', pod, message}]};
}

/** The highest score; among equals the node with fewest pods, then by name, so that the choice is stable. */
function bestOf(pod: Pod, nodes: readonly NodeInfo[]): NodeInfo | undefined {
  const ranked = nodes.map((info) => ({info, points: Math.round(score(pod, info))}));
  ranked.sort(
    (a, b) =>
      b.points - a.points ||
      a.info.pods.length - b.info.pods.length ||
      a.info.node.metadata.name.localeCompare(b.info.node.metadata.name),
  );
  return ranked[0]?.info;
}

/** framework.FitError: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).` */
function explain(reasons: readonly (readonly string[])[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons.flat()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const lines = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${reasons.length} nodes are available: ${lines.join(', ')}.`;
}
