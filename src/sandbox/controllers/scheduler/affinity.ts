import type {Node, Pod, PodSpec} from '../../../lib/kubernetes.ts';
import {type Labels, matchesSelector, meets, type Requirement} from '../../../lib/labels.ts';

type Affinity = NonNullable<PodSpec['affinity']>;
type NodeTerm = NonNullable<
  NonNullable<Affinity['nodeAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>['nodeSelectorTerms'][number];
export type PodTerm = NonNullable<
  NonNullable<Affinity['podAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>[number];

/** nodeSelector and the required node affinity; terms are alternatives, their expressions all hold. */
export function matchesNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (!Object.entries(pod.spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value))
    return false;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** An empty term matches nothing. */
function matchesTerm(term: NodeTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((e) => holds(node.metadata.labels ?? {}, e)) &&
    fields.every((e) => holds({'metadata.name': node.metadata.name}, e))
  );
}

function holds(labels: Labels, e: {key: string; operator: string; values?: readonly string[]}): boolean {
  const {operator} = e;
  return isOperator(operator) && meets(labels, {key: e.key, operator, values: e.values ?? []});
}

function isOperator(text: string): text is Requirement['operator'] {
  return ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'].includes(text);
}

/** A running pod with the node that it is on. */
export type Placed = {readonly pod: Pod; readonly node: Node};

export type PodAffinityProblem =
  | "node(s) didn't match pod affinity rules"
  | "node(s) didn't match pod anti-affinity rules"
  | "node(s) didn't satisfy existing pods anti-affinity rules";

const termsOf = (kind: 'podAffinity' | 'podAntiAffinity', pod: Pod): readonly PodTerm[] =>
  pod.spec.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];

/** Required inter-pod affinity and anti-affinity, both ways, over any topology key. */
export function podAffinityProblem(
  pod: Pod,
  node: Node,
  placed: readonly Placed[],
  namespaceLabels: (name: string) => Labels,
): PodAffinityProblem | undefined {
  const near = (term: PodTerm, other: Placed) => sameTopology(node, other.node, term.topologyKey);
  for (const other of placed)
    for (const term of termsOf('podAntiAffinity', other.pod))
      if (near(term, other) && selects(term, other.pod, pod, namespaceLabels))
        return "node(s) didn't satisfy existing pods anti-affinity rules";
  for (const term of termsOf('podAffinity', pod)) {
    const matching = placed.filter((other) => selects(term, pod, other.pod, namespaceLabels));
    // The first pod of a group that wants to be together has nobody to follow.
    const first = matching.length === 0 && selects(term, pod, pod, namespaceLabels);
    const labelled = node.metadata.labels?.[term.topologyKey] !== undefined;
    if (!labelled || (!first && !matching.some((other) => near(term, other))))
      return "node(s) didn't match pod affinity rules";
  }
  for (const term of termsOf('podAntiAffinity', pod))
    if (placed.some((other) => near(term, other) && selects(term, pod, other.pod, namespaceLabels)))
      return "node(s) didn't match pod anti-affinity rules";
  return undefined;
}

function sameTopology(a: Node, b: Node, key: string): boolean {
  const value = a.metadata.labels?.[key];
  return value !== undefined && value === b.metadata.labels?.[key];
}

/** Whether `owner`'s term is about `other`: its namespace, then its labels. */
function selects(term: PodTerm, owner: Pod, other: Pod, namespaceLabels: (name: string) => Labels): boolean {
  const {namespace} = other.metadata;
  const listed = term.namespaces ?? [];
  const bySelector =
    term.namespaceSelector !== undefined &&
    matchesSelector(term.namespaceSelector, namespaceLabels(namespace));
  const own =
    listed.length === 0 && term.namespaceSelector === undefined && namespace === owner.metadata.namespace;
  return (
    (own || listed.includes(namespace) || bySelector) &&
    matchesSelector(term.labelSelector, other.metadata.labels)
  );
}
