import {describe, expect, it} from 'vitest';
import type {Node, Pod, PodSpec} from '../../../../src/lib/kubernetes.ts';
import {decideScheduling, type SchedulingSeen} from '../../../../src/sandbox/controllers/scheduler/decide.ts';
import {nodeInfo} from '../../../../src/sandbox/controllers/scheduler/filter.ts';
import {podRequests} from '../../../../src/sandbox/controllers/scheduler/requests.ts';
import {tolerates} from '../../../../src/sandbox/controllers/scheduler/taints.ts';
import {node, pod} from './things.ts';

type World = {pod: Pod; nodes: {node: Node; pods: Pod[]}[]};

function world(change: (world: World) => void = () => undefined): SchedulingSeen {
  const made: World = {
    pod: pod('new', (p) => {
      p.spec.containers = [
        {
          name: 'c',
          image: 'x',
          resources: {requests: {cpu: '500m', memory: '1Gi'}},
          ports: [{containerPort: 80, hostPort: 8080}],
        },
      ];
      p.metadata.labels = {app: 'new'};
    }),
    nodes: [
      {node: node('a'), pods: []},
      {node: node('b'), pods: []},
    ],
  };
  change(made);
  return {
    pod: made.pod,
    nodes: made.nodes.map((n) => nodeInfo(n.node, n.pods)),
    namespaceLabels: () => ({team: 'x'}),
  };
}

const verdict = (seen: SchedulingSeen) => {
  const [act] = decideScheduling(seen).acts;
  return act === undefined ? 'nothing' : act.type === 'bind' ? act.node : act.message;
};
const onAll = (change: (n: Node) => void) => (w: World) => {
  for (const n of w.nodes) change(n.node);
};
const hog = (cpu: string) =>
  pod('hog', (p) => (p.spec.containers = [{name: 'c', image: 'x', resources: {requests: {cpu}}}]));
const anti = (labels: Record<string, string>): PodSpec['affinity'] => ({
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      {labelSelector: {matchLabels: labels}, topologyKey: 'kubernetes.io/hostname'},
    ],
  },
});
const near = (labels: Record<string, string>): PodSpec['affinity'] => ({
  podAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      {labelSelector: {matchLabels: labels}, topologyKey: 'kubernetes.io/hostname'},
    ],
  },
});
const other = (labels: Record<string, string>, affinity?: PodSpec['affinity']) =>
  pod('other', (p) => {
    p.metadata.labels = labels;
    p.spec.affinity = affinity;
  });

describe('the scheduler', () => {
  it.each<[string, (w: World) => void, string]>([
    ['two equal nodes', () => undefined, 'a'],
    ['a busier first node', (w) => w.nodes[0]?.pods.push(hog('1')), 'b'],
    ['no node', (w) => w.nodes.splice(0), 'no nodes available to schedule pods'],
    ['too little cpu on one', (w) => w.nodes[0]?.pods.push(hog('1600m')), 'b'],
    [
      'too little of everything',
      onAll((n) => Object.assign(n.status ?? {}, {allocatable: {cpu: '100m', memory: '1Mi', pods: '10'}})),
      '0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory.',
    ],
    [
      'no place for one pod more',
      onAll((n) => Object.assign(n.status ?? {}, {allocatable: {cpu: '4', memory: '8Gi', pods: '0'}})),
      '0/2 nodes are available: 2 Too many pods.',
    ],
    [
      'taints',
      onAll((n) => Object.assign(n.spec ?? {}, {taints: [{key: 'k', effect: 'NoSchedule'}]})),
      '0/2 nodes are available: 2 node(s) had untolerated taint(s).',
    ],
    [
      'a taint that it would rather not have',
      (w) => Object.assign(w.nodes[0]?.node.spec ?? {}, {taints: [{key: 'k', effect: 'PreferNoSchedule'}]}),
      'b',
    ],
    [
      'cordoned nodes',
      onAll((n) => Object.assign(n.spec ?? {}, {unschedulable: true})),
      '0/2 nodes are available: 2 node(s) were unschedulable.',
    ],
    [
      'two different reasons',
      (w) => {
        Object.assign(w.nodes[0]?.node.spec ?? {}, {taints: [{key: 'k', effect: 'NoExecute'}]});
        w.nodes[1]?.pods.push(hog('1900m'));
      },
      '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s).',
    ],
    ['a selector that one meets', (w) => (w.pod.spec.nodeSelector = {'kubernetes.io/hostname': 'b'}), 'b'],
    [
      'a selector that none meets',
      (w) => (w.pod.spec.nodeSelector = {disk: 'ssd'}),
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
    ],
    [
      'required affinity by name',
      (w) =>
        (w.pod.spec.affinity = {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{matchFields: [{key: 'metadata.name', operator: 'In', values: ['b']}]}],
            },
          },
        }),
      'b',
    ],
    [
      'preferred affinity',
      (w) =>
        (w.pod.spec.affinity = {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 50,
                preference: {
                  matchExpressions: [{key: 'kubernetes.io/hostname', operator: 'In', values: ['b']}],
                },
              },
            ],
          },
        }),
      'b',
    ],
    [
      'a host port that is taken',
      (w) =>
        w.nodes[0]?.pods.push(
          pod(
            'p',
            (p) =>
              (p.spec.containers = [{name: 'c', image: 'x', ports: [{containerPort: 1, hostPort: 8080}]}]),
          ),
        ),
      'b',
    ],
    [
      'pods that it must not be near',
      (w) => {
        w.pod.spec.affinity = anti({app: 'db'});
        w.nodes[0]?.pods.push(other({app: 'db'}));
      },
      'b',
    ],
    [
      'pods that must not have it near',
      (w) => w.nodes[0]?.pods.push(other({app: 'db'}, anti({app: 'new'}))),
      'b',
    ],
    [
      'a pod that it must be near',
      (w) => {
        w.pod.spec.affinity = near({app: 'db'});
        w.nodes[1]?.pods.push(other({app: 'db'}));
      },
      'b',
    ],
    [
      'nobody to be near',
      (w) => (w.pod.spec.affinity = near({app: 'db'})),
      "0/2 nodes are available: 2 node(s) didn't match pod affinity rules.",
    ],
    ['only itself to be near', (w) => (w.pod.spec.affinity = near({app: 'new'})), 'a'],
    [
      'the answer that it has already',
      (w) => {
        w.pod.spec.nodeSelector = {disk: 'ssd'};
        w.pod.status = {
          conditions: [
            {
              type: 'PodScheduled',
              status: 'False',
              message: "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
            },
          ],
        };
      },
      'nothing',
    ],
  ])('with %s', (_, change, wanted) => expect(verdict(world(change))).toBe(wanted));

  it('counts init containers, sidecars and overhead as the kubelet does', () => {
    const cpu = (value: string) => ({resources: {requests: {cpu: value}}});
    const sum = podRequests(
      pod('p', (p) => {
        p.spec.containers = [
          {name: 'a', ...cpu('1')},
          {name: 'b', ...cpu('500m')},
        ];
        p.spec.initContainers = [
          {name: 'side', restartPolicy: 'Always', ...cpu('1')},
          {name: 'init', ...cpu('4')},
        ];
        p.spec.overhead = {cpu: '100m'};
      }),
    );
    expect(sum.cpu).toBe(5100);
  });

  it.each<[object, object, boolean]>([
    [{operator: 'Exists'}, {key: 'a', effect: 'NoExecute'}, true],
    [{key: 'a', value: 'x'}, {key: 'a', value: 'x', effect: 'NoExecute'}, true],
    [{key: 'a', value: 'x'}, {key: 'a', value: 'y', effect: 'NoExecute'}, false],
    [{key: 'a', operator: 'Exists', effect: 'NoSchedule'}, {key: 'a', effect: 'NoExecute'}, false],
    [{key: 'a', operator: 'Gt', value: '5'}, {key: 'a', value: '7', effect: 'NoExecute'}, true],
  ])('toleration %j of %j is %s', (toleration, taint, wanted) =>
    expect(tolerates(toleration, {key: '', effect: '', ...taint})).toBe(wanted),
  );
});
