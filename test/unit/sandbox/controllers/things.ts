import type {Node, Pod, PodSpec} from '../../../../src/lib/kubernetes.ts';

export const at = '2026-01-01T00:00:00Z';
export const nowMs = Date.parse('2026-01-01T01:00:00Z');

export const meta = (name: string, more: object = {}) => ({
  name,
  uid: `uid-${name}`,
  resourceVersion: '1',
  creationTimestamp: at,
  ...more,
});

export function pod(
  name: string,
  change: (pod: Pod & {spec: PodSpec; status: NonNullable<Pod['status']>}) => void = () => undefined,
): Pod {
  const made = {
    metadata: {...meta(name), namespace: 'default'},
    spec: {containers: [{name: 'c', image: 'x'}]},
    status: {phase: 'Running', conditions: [{type: 'Ready', status: 'True', lastTransitionTime: at}]},
  };
  change(made);
  return made;
}

export function node(
  name: string,
  change: (
    node: Node & {spec: NonNullable<Node['spec']>; status: NonNullable<Node['status']>},
  ) => void = () => undefined,
): Node {
  const made = {
    metadata: meta(name, {labels: {'kubernetes.io/hostname': name}}),
    spec: {},
    status: {
      allocatable: {cpu: '2', memory: '4Gi', pods: '10'},
      conditions: [{type: 'Ready', status: 'True', lastTransitionTime: at}],
    },
  };
  change(made);
  return made;
}
