import {describe, expect, it} from 'vitest';
import type {EndpointSlice, Pod, Service} from '../../../../src/lib/kubernetes.ts';
import {
  decideSlices,
  type SliceAct,
  type SliceContent,
} from '../../../../src/sandbox/controllers/endpointslices/decide.ts';
import {meta, node, pod} from './things.ts';

const ip = (name: string, address: string, change: (p: Pod) => void = () => undefined) =>
  pod(name, (p) => {
    p.status = {...p.status, podIP: address, podIPs: [{ip: address}]};
    p.spec.nodeName = 'a';
    p.spec.containers = [{name: 'c', image: 'x', ports: [{name: 'http', containerPort: 8080}]}];
    change(p);
  });

type World = {service: Service; pods: Pod[]; slices: EndpointSlice[]; maxPerSlice: number};

function world(change: (w: World) => void = () => undefined): World {
  const made: World = {
    service: {
      metadata: {
        ...meta('svc', {labels: {team: 'x'}}),
        namespace: 'default',
        name: 'svc',
        uid: 'u',
        resourceVersion: '1',
      },
      spec: {
        clusterIP: '10.96.0.9',
        ipFamilies: ['IPv4'],
        selector: {a: 'b'},
        ports: [{name: 'web', port: 80, protocol: 'TCP', targetPort: 'http'}],
      },
    },
    pods: [ip('p1', '10.244.0.1')],
    slices: [],
    maxPerSlice: 2,
  };
  change(made);
  return made;
}

const zoned = node('a', (n) => (n.metadata.labels = {'topology.kubernetes.io/zone': 'z1'}));
const acts = (w: World): readonly SliceAct[] => decideSlices({...w, nodeOf: () => zoned}).acts;
const contents = (w: World): SliceContent[] =>
  acts(w).flatMap((act) => (act.type === 'delete' ? [] : [act.content]));
let serial = 0;
const stored = (content: SliceContent): EndpointSlice => {
  const {labels, ...rest} = structuredClone(content);
  const name = `slice-${serial++}`;
  return {...rest, metadata: {...meta(name), namespace: 'default', labels}};
};
/** The world after what was decided has been done. */
const done = (w: World): World => {
  const slices = new Set(w.slices);
  for (const act of acts(w)) {
    if (act.type !== 'create') slices.delete(act.slice);
    if (act.type === 'create') slices.add(stored(act.content));
    if (act.type === 'update')
      slices.add({...stored(act.content), metadata: {...act.slice.metadata, labels: act.content.labels}});
  }
  return {...w, slices: [...slices]};
};

describe('endpoint slices', () => {
  it('say all that a proxy needs', () =>
    expect(contents(world())).toEqual([
      {
        addressType: 'IPv4',
        ports: [{name: 'web', port: 8080, protocol: 'TCP'}],
        labels: {
          team: 'x',
          'kubernetes.io/service-name': 'svc',
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        },
        endpoints: [
          {
            addresses: ['10.244.0.1'],
            conditions: {ready: true, serving: true, terminating: false},
            targetRef: {kind: 'Pod', namespace: 'default', name: 'p1', uid: 'uid-p1'},
            nodeName: 'a',
            zone: 'z1',
          },
        ],
      },
    ]));

  it.each<[string, (w: World) => void, object]>([
    [
      'a pod that is not ready',
      (w) => (w.pods = [ip('p', '10.0.0.1', (p) => Object.assign(p.status ?? {}, {conditions: []}))]),
      {ready: false, serving: false, terminating: false},
    ],
    [
      'one on its way out',
      (w) => (w.pods = [ip('p', '10.0.0.1', (p) => (p.metadata.deletionTimestamp = 'x'))]),
      {ready: false, serving: true, terminating: true},
    ],
    [
      'one that is published anyway',
      (w) => {
        w.service.spec.publishNotReadyAddresses = true;
        w.pods = [ip('p', '10.0.0.1', (p) => Object.assign(p.status ?? {}, {conditions: []}))];
      },
      {ready: true, serving: false, terminating: false},
    ],
  ])('tell the state of %s', (_, change, conditions) =>
    expect(contents(world(change))[0]?.endpoints?.[0]?.conditions).toEqual(conditions),
  );

  it.each<[string, (w: World) => void, (content: SliceContent[]) => void]>([
    ['no pods', (w) => (w.pods = []), (c) => expect(c).toMatchObject([{endpoints: [], ports: []}])],
    [
      'a finished pod',
      (w) => (w.pods = [ip('p', '10.0.0.1', (p) => Object.assign(p.status ?? {}, {phase: 'Failed'}))]),
      (c) => expect(c[0]?.endpoints).toEqual([]),
    ],
    ['pods without addresses', (w) => (w.pods = [pod('p')]), (c) => expect(c[0]?.endpoints).toEqual([])],
    [
      'two families',
      (w) => {
        w.service.spec.ipFamilies = ['IPv4', 'IPv6'];
        w.pods = [
          ip('p', '10.0.0.1', (p) =>
            Object.assign(p.status ?? {}, {podIPs: [{ip: '10.0.0.1'}, {ip: 'fd00::1'}]}),
          ),
        ];
      },
      (c) =>
        expect(c.map((s) => [s.addressType, s.endpoints?.[0]?.addresses[0]])).toEqual([
          ['IPv4', '10.0.0.1'],
          ['IPv6', 'fd00::1'],
        ]),
    ],
    [
      'pods whose named port differs',
      (w) =>
        w.pods.push(
          ip('p2', '10.244.0.2', (p) =>
            Object.assign(p.spec, {containers: [{name: 'c', ports: [{name: 'http', containerPort: 9090}]}]}),
          ),
        ),
      (c) => expect(c.map((s) => s.ports?.[0]?.port)).toEqual([8080, 9090]),
    ],
    [
      'a headless service',
      (w) => (w.service.spec.clusterIP = 'None'),
      (c) => expect(c[0]?.labels['service.kubernetes.io/headless']).toBe(''),
    ],
    [
      'a hostname below it',
      (w) => Object.assign(w.pods[0]?.spec ?? {}, {hostname: 'db-0', subdomain: 'svc'}),
      (c) => expect(c[0]?.endpoints?.[0]?.hostname).toBe('db-0'),
    ],
    [
      'a wish to stay near',
      (w) => (w.service.spec.trafficDistribution = 'PreferSameNode'),
      (c) => expect(c[0]?.endpoints?.[0]?.hints).toEqual({forZones: [{name: 'z1'}], forNodes: [{name: 'a'}]}),
    ],
    [
      'more pods than a slice takes',
      (w) => w.pods.push(ip('p2', '10.0.0.2'), ip('p3', '10.0.0.3')),
      (c) => expect(c.map((s) => s.endpoints?.length)).toEqual([2, 1]),
    ],
  ])('with %s are as Kubernetes makes them', (_, change, check) => check(contents(world(change))));

  it('are settled once they are written', () => {
    const big = world((w) => w.pods.push(ip('p2', '10.0.0.2'), ip('p3', '10.0.0.3')));
    expect(acts(done(big))).toEqual([]);
    expect(acts(done(world((w) => (w.pods = []))))).toEqual([]);
  });

  it('change as little as can be', () => {
    const big = done(world((w) => w.pods.push(ip('p2', '10.0.0.2'), ip('p3', '10.0.0.3'))));
    const more = {...big, pods: [...big.pods, ip('p4', '10.0.0.4')]};
    expect(acts(more).map((a) => a.type)).toEqual(['update']);
    const fewer = {...big, pods: big.pods.slice(0, 2)};
    expect(acts(fewer).map((a) => a.type)).toEqual(['delete']);
    const none = {...big, pods: []};
    expect(
      acts(none)
        .map((a) => a.type)
        .sort(),
    ).toEqual(['delete', 'update']);
    expect(done(none).slices).toHaveLength(1);
    expect(acts(done(none))).toEqual([]);
    const back = {...done(none), pods: big.pods};
    expect(acts(done(back))).toEqual([]);
  });
});
