import {describe, expect, it} from 'vitest';
import {type Family, parseCidr} from '../../../../src/lib/addresses.ts';
import type {EndpointSlice, Node} from '../../../../src/lib/kubernetes.ts';
import type {Refused} from '../../../../src/proxy/model/endpoint.ts';
import {inOrder, mergeSlices, serviceOfSlice, trimSlice} from '../../../../src/proxy/model/endpoints.ts';
import {nodePortIPs, viewNode} from '../../../../src/proxy/model/node.ts';
import {healthCheckNodePort, trimService, viewService} from '../../../../src/proxy/model/services.ts';
import {usableEndpoints} from '../../../../src/proxy/model/topology.ts';
import {stableOrder} from '../../../../src/proxy/table/fragment.ts';
import {type EndpointText, node, service, slice} from '../support/objects.ts';
import {familyTable, rendered} from '../support/tables.ts';

const port = {name: 'p', protocol: 'TCP', port: 80};
const none = () => undefined;
const merge = (...lists: (readonly EndpointText[])[]) => {
  const slices = lists.map((endpoints, i) =>
    slice({service: 'a/b', name: `s${i}`, ports: [port], endpoints}),
  );
  return mergeSlices(slices, 'IPv4', 'here', none).get('tcp/p') ?? [];
};

describe('a Service as one family sees it', () => {
  it.each([
    ['no cluster IP', {clusterIP: ''}, undefined],
    ['a headless one', {clusterIP: 'None'}, undefined],
    ['an ExternalName', {type: 'ExternalName', clusterIP: '10.96.0.1'}, undefined],
    ['one of the other family', {clusterIP: 'fd00::1'}, undefined],
    ['leading zeros', {clusterIP: '010.096.000.001'}, '10.96.0.1'],
    ['the second family', {clusterIP: 'fd00::1', clusterIPs: ['fd00::1', '10.96.0.9']}, '10.96.0.9'],
  ])('%s', (_what, spec, clusterIP) => {
    expect(viewService(service('a/b', spec), 'IPv4')?.clusterIP).toBe(clusterIP);
  });

  it('trims source ranges, and a range of everything is none', () => {
    const view = (ranges: string[]) =>
      viewService(service('a/b', {clusterIP: '10.96.0.1', loadBalancerSourceRanges: ranges}), 'IPv4');
    expect(view([' 10.0.0.1/8 ', 'fd00::/8', 'junk'])?.sourceRanges.map((cidr) => cidr.text)).toEqual([
      '10.0.0.0/8',
    ]);
    expect(view(['10.0.0.0/8', '0.0.0.0/0'])?.sourceRanges).toEqual([]);
  });

  it.each([
    ['of this family', ['192.0.2.1'], true, true],
    ['of the other family', ['2001:db8::1'], true, true],
    ['that are switched off', ['192.0.2.1'], false, true],
    ['of which there are none', [], true, false],
  ])('has its externalTrafficPolicy for external addresses %s', (_which, externalIPs, allowed, expected) => {
    const spec = {clusterIP: '10.96.0.1', externalTrafficPolicy: 'Local', externalIPs};
    const view = viewService(service('a/b', spec, [{ip: '198.51.100.1'}]), 'IPv4', allowed);
    expect(view?.externalLocal).toBe(expected);
  });

  it('takes load balancer addresses that are sent unchanged', () => {
    const ingress = [
      {ip: '198.51.100.1'},
      {ip: '198.51.100.2', ipMode: 'VIP'},
      {ip: '198.51.100.3', ipMode: 'Proxy'},
      {hostname: 'x'},
    ];
    const view = viewService(service('a/b', {clusterIP: '10.96.0.1', type: 'LoadBalancer'}, ingress), 'IPv4');
    expect(view?.loadBalancerIPs).toEqual(['198.51.100.1', '198.51.100.2']);
  });

  it('sees the same after what it does not read was dropped', () => {
    const full = service(
      'a/b',
      {
        type: 'LoadBalancer',
        clusterIP: '10.96.0.1',
        externalIPs: ['192.0.2.1'],
        externalTrafficPolicy: 'Local',
        internalTrafficPolicy: 'Local',
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: {clientIP: {timeoutSeconds: 7}},
        healthCheckNodePort: 31_000,
        loadBalancerSourceRanges: ['10.0.0.0/8'],
        ports: [{name: 'p', port: 80, nodePort: 30_080, appProtocol: 'http'}],
      },
      [{ip: '198.51.100.1'}],
    );
    expect(viewService(trimService(full), 'IPv4')).toEqual(viewService(full, 'IPv4'));
    expect(healthCheckNodePort(trimService(full))).toBe(31_000);
  });

  it.each<[string, object, Family]>([
    ['nothing special', {clusterIPs: ['10.96.0.1'], internalTrafficPolicy: 'Cluster'}, 'IPv4'],
    ['a second family', {clusterIPs: ['10.96.0.1', 'fd00::1']}, 'IPv6'],
    ['an external IP', {externalIPs: ['192.0.2.1']}, 'IPv4'],
    ['source ranges', {type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8']}, 'IPv4'],
    [
      'affinity',
      {sessionAffinity: 'ClientIP', sessionAffinityConfig: {clientIP: {timeoutSeconds: 7}}},
      'IPv4',
    ],
    ['an internal policy', {internalTrafficPolicy: 'Local'}, 'IPv4'],
    ['an external policy', {type: 'NodePort', externalTrafficPolicy: 'Local'}, 'IPv4'],
    ['another type', {type: 'ExternalName'}, 'IPv4'],
  ])('sees the same of a Service with %s when the rest is dropped', (_, spec, family) => {
    const full = service('a/b', {clusterIP: '10.96.0.1', ...spec, ports: [{port: 80}]});
    expect(viewService(trimService(full), family)).toEqual(viewService(full, family));
  });

  it('takes lists that Go writes as null', () => {
    const lists = '"clusterIPs": null, "externalIPs": null, "loadBalancerSourceRanges": null, "ports": null';
    const written = `{"metadata": {"name": "b"}, "spec": {"clusterIP": "10.96.0.1", ${lists}}}`;
    expect(viewService(trimService(JSON.parse(written)), 'IPv4')?.clusterIP).toBe('10.96.0.1');
  });

  it('asks for health only with a load balancer and policy Local', () => {
    const spec = {clusterIP: '10.96.0.1', healthCheckNodePort: 31_000};
    expect(healthCheckNodePort(service('a/b', {...spec, type: 'LoadBalancer'}))).toBe(0);
    expect(
      healthCheckNodePort(service('a/b', {...spec, type: 'NodePort', externalTrafficPolicy: 'Local'})),
    ).toBe(0);
  });
});

describe('slices of one Service', () => {
  it('are merged, in one order wherever that counts, and only of the family', () => {
    const merged = merge([{ip: '10.0.0.2'}, {ip: '010.0.0.1'}], [{ip: '10.0.0.3'}]);
    expect(inOrder(merged).map((e) => e.id)).toEqual(['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80']);
    const six = slice({service: 'a/b', family: 'IPv6', ports: [port], endpoints: [{ip: 'fd00::1'}]});
    expect(mergeSlices([six], 'IPv4', 'here', none).size).toBe(0);
  });

  it('a terminating entry never replaces another, another always replaces it', () => {
    const dying = {ip: '10.0.0.1', ready: false, serving: true, terminating: true};
    expect(merge([{ip: '10.0.0.1'}], [dying])[0]?.terminating).toBe(false);
    expect(merge([dying], [{ip: '10.0.0.1'}])[0]?.terminating).toBe(false);
    expect(merge([dying])[0]?.terminating).toBe(true);
  });

  it('are each read as they are now, for every node and with every port', () => {
    const ports = [port, {...port, name: 'q', port: 90}];
    const of = (name: string, ip: string, node: string) =>
      slice({service: 'a/b', name, ports, endpoints: [{ip, node}, {ip: '127.0.0.1'}]});
    const [first, second, later] = [
      of('s0', '10.0.0.1', 'here'),
      of('s1', '10.0.0.2', 'there'),
      of('s1', '10.0.0.3', 'here'),
    ];
    const refused: string[] = [];
    const local = (slices: EndpointSlice[], nodeName: string) =>
      [...mergeSlices(slices, 'IPv4', nodeName, ({slice}) => refused.push(slice)).values()].map((endpoints) =>
        inOrder(endpoints).map((e) => `${e.id} ${e.local}`),
      );
    expect(local([first, second], 'here')).toEqual([
      ['10.0.0.1:80 true', '10.0.0.2:80 false'],
      ['10.0.0.1:90 true', '10.0.0.2:90 false'],
    ]);
    expect(local([first, second], 'there')[0]).toEqual(['10.0.0.1:80 false', '10.0.0.2:80 true']);
    refused.length = 0;
    expect(local([first, later], 'here')[1]).toEqual(['10.0.0.1:90 true', '10.0.0.3:90 true']);
    expect(refused).toEqual(['a/s0', 'a/s0', 'a/s1', 'a/s1']);
  });

  it('absent conditions mean ready, serving, not terminating', () => {
    expect(merge([{ip: '10.0.0.1'}])[0]).toMatchObject({ready: true, serving: true, terminating: false});
  });

  it('ports without a name or a number are left out', () => {
    const odd = slice({service: 'a/b', ports: [{...port, port: 0}], endpoints: [{ip: '10.0.0.1'}]});
    expect(mergeSlices([odd], 'IPv4', 'here', none).size).toBe(0);
    const nameless = slice({
      service: 'a/b',
      ports: [{...port, name: undefined}],
      endpoints: [{ip: '10.0.0.1'}],
    });
    expect(mergeSlices([nameless], 'IPv4', 'here', none).size).toBe(0);
  });

  it.each(['127.0.0.1', '169.254.1.1', '0.0.0.0', '224.0.0.1', 'fd00::1', '', '10.0.0', '10.0.0.256'])(
    'refuses %j and nothing else',
    (ip) => {
      const refused: Refused[] = [];
      const mixed = slice({service: 'a/b', ports: [port], endpoints: [{ip}, {ip: '10.0.0.1'}]});
      const merged = mergeSlices([mixed], 'IPv4', 'here', (one) => refused.push(one));
      expect(merged.get('tcp/p')?.map((e) => e.ip)).toEqual(['10.0.0.1']);
      expect(refused.map((one) => one.address)).toEqual([ip]);
    },
  );

  it('have null for a list that is empty, as Go writes it', () => {
    const full = slice({service: 'a/b', ports: [port], endpoints: [{ip: '10.0.0.1'}]});
    const written = JSON.stringify({...full, ports: null, endpoints: null});
    const trimmed = trimSlice(JSON.parse(written));
    expect(trimmed).toMatchObject({addressType: 'IPv4', ports: [], endpoints: []});
    expect(mergeSlices([trimmed, JSON.parse(written)], 'IPv4', 'here', none).size).toBe(0);
  });

  it('belong to the Service that their label names', () => {
    const one = slice({service: 'a/b', ports: [], endpoints: []});
    expect(serviceOfSlice(one)).toBe('a/b');
    one.metadata.labels = {};
    expect(serviceOfSlice(one)).toBeUndefined();
  });
});

/** pkg/proxy/topology_test.go by meaning. */
describe('usable endpoints', () => {
  const topology = {nodeName: 'here', zone: 'a'};
  const dying = {ready: false, serving: true, terminating: true};
  const gone = {ready: false, serving: false, terminating: true};
  const of = (endpoints: readonly EndpointText[], uses = {cluster: true, local: true}, where = topology) => {
    const usable = usableEndpoints(merge(endpoints), uses, where);
    const ends = (list: readonly {ip: string}[]) => list.map(({ip}) => ip.replace('10.0.0.', '')).join(' ');
    return `${ends(usable.cluster)} | ${ends(usable.local)} | ${usable.any}`;
  };
  const e = (end: number, more: Partial<EndpointText> = {}): EndpointText => ({ip: `10.0.0.${end}`, ...more});
  const here = {node: 'here'};

  it.each([
    ['none', [], ' |  | false'],
    ['ready ones, one here', [e(1, here), e(2)], '1 2 | 1 | true'],
    ['ready before terminating', [e(1, {...here, ...dying}), e(2, here)], '2 | 2 | true'],
    ['terminating here, ready elsewhere', [e(1, {...here, ...dying}), e(2)], '2 | 1 | true'],
    ['all terminating', [e(1, {...here, ...dying}), e(2, dying)], '1 2 | 1 | true'],
    ['terminating and not serving', [e(1, {...here, ...gone}), e(2, gone)], ' |  | false'],
    ['not ready', [e(1, {...here, ready: false}), e(2)], '2 |  | true'],
    ['hints for this zone', [e(1, {zones: ['a']}), e(2, {zones: ['b']})], '1 |  | true'],
    ['a hint is missing', [e(1, {zones: ['a']}), e(2)], '1 2 |  | true'],
    ['no hint for this zone', [e(1, {zones: ['b']}), e(2, {zones: ['c']})], '1 2 |  | true'],
    ['hints of unready ones do not count', [e(1, {zones: ['a']}), e(2, {ready: false})], '1 |  | true'],
    [
      'hints do not concern policy Local',
      [e(1, {zones: ['b'], ...here}), e(2, {zones: ['a']})],
      '2 | 1 | true',
    ],
    [
      'hints do not concern terminating ones',
      [e(1, {...dying, zones: ['b']}), e(2, {...dying, zones: ['a']})],
      '1 2 |  | true',
    ],
    [
      'a node hint before a zone hint',
      [e(1, {zones: ['a'], nodes: ['x']}), e(2, {zones: ['b'], nodes: ['here']})],
      '2 |  | true',
    ],
  ])('%s', (_what, endpoints, expected) => {
    expect(of(endpoints)).toBe(expected);
  });

  it('a node without a zone takes all', () => {
    expect(of([e(1, {zones: ['a']})], undefined, {nodeName: 'here', zone: ''})).toBe('1 |  | true');
  });

  it('a policy that is not used has none', () => {
    expect(of([e(1, here)], {cluster: false, local: true})).toBe(' | 1 | true');
    expect(of([e(1, here)], {cluster: true, local: false})).toBe('1 |  | true');
    expect(of([e(1)], {cluster: false, local: true})).toBe(' |  | true');
  });
});

describe('the order of endpoints', () => {
  it.each([
    ['append', 'a b', 'a b c', 'a b c'],
    ['the last leaves', 'a b c', 'a b', 'a b'],
    ['the first leaves: the last takes its place', 'a b c', 'b c', 'c b'],
    ['one is replaced', 'a b c', 'a c d', 'a d c'],
    ['two leave in the middle', 'a b c d e', 'a d e', 'a e d'],
    ['all are new', 'a b', 'c d e', 'c d e'],
    ['all leave', 'a b', '', ''],
    ['from nothing', '', 'a b', 'a b'],
  ])('%s', (_what, before, now, expected) => {
    const list = (text: string) => text.split(' ').filter(Boolean);
    expect(stableOrder(list(before), list(now))).toEqual(list(expected));
  });

  it('moves at most as many endpoints as changed', () => {
    const before = Array.from({length: 5000}, (_, i) => `e${i}`);
    const now = before.filter((_, i) => i !== 17);
    const order = stableOrder(before, now);
    expect(order.filter((item, i) => item !== before[i])).toEqual(['e4999']);
  });
});

describe('the node', () => {
  const view = viewNode('here', node('here', ['192.168.0.2', 'fd01::2'], 'z'), '0.0.0.0');
  const local = ['192.168.0.2', '10.9.0.1', 'fd01::2', '127.0.0.1'];
  const cidrs = (...texts: string[]) =>
    ({kind: 'cidrs', cidrs: texts.map(parseCidr).filter((cidr) => cidr !== undefined)}) as const;

  it('serves node ports where it is told to', () => {
    expect(nodePortIPs({kind: 'primary'}, 'IPv4', view, local)).toEqual(['192.168.0.2']);
    expect(nodePortIPs({kind: 'all'}, 'IPv4', view, local)).toBeUndefined();
    expect(nodePortIPs(cidrs('10.0.0.0/8', '127.0.0.0/8'), 'IPv4', view, local)).toEqual(['10.9.0.1']);
    expect(nodePortIPs(cidrs('10.0.0.0/8'), 'IPv6', view, local)).toBeUndefined();
    expect(nodePortIPs(cidrs('0.0.0.0/0'), 'IPv4', view, local)).toBeUndefined();
  });

  /** newProxyServer gives no range for such a family, and NewNodePortAddresses takes that for all. */
  it('serves node ports on all addresses of a family of which it has no primary one', () => {
    const [four, none] = [node('here', ['192.168.0.2']), node('here', [])];
    const primary = (family: Family, of: Node | undefined, bindAddress = '0.0.0.0') =>
      nodePortIPs({kind: 'primary'}, family, viewNode('here', of, bindAddress), local);
    expect(primary('IPv4', four)).toEqual(['192.168.0.2']);
    expect(primary('IPv6', four)).toBeUndefined();
    expect(primary('IPv4', none)).toBeUndefined();
    expect(primary('IPv4', undefined)).toBeUndefined();
    expect(primary('IPv4', undefined, '10.0.0.1')).toEqual(['10.0.0.1']);
    expect(primary('IPv4', four, '127.0.0.1')).toBeUndefined();
  });

  it('takes load only while it exists and is not about to go', () => {
    expect(view.eligible).toBe(true);
    expect(viewNode('here', undefined, '0.0.0.0').eligible).toBe(false);
    const going = node('here', []);
    going.spec = {taints: [{key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule'}]};
    expect(viewNode('here', going, '0.0.0.0').eligible).toBe(false);
  });

  it('has the address that it is bound to', () => {
    expect(viewNode('here', node('here', ['192.168.0.2']), '10.0.0.1').addresses.IPv4?.text).toBe('10.0.0.1');
  });
});

describe('a Service that cannot be understood', () => {
  it('stays as it was and spoils nothing else', () => {
    const broken: string[] = [];
    const table = familyTable('IPv4', {onBroken: (key) => broken.push(key)});
    const here = viewNode('here', undefined, '0.0.0.0');
    const source = (key: string, ip: string) => ({
      service: service(key, {clusterIP: ip, ports: [{name: 'p', port: 80}]}),
      slices: [slice({service: key, ports: [port], endpoints: [{ip: '10.0.0.1'}]})],
    });
    table.updateNode({nodePortIPs: undefined, serviceCIDRs: []});
    table.update(new Map([['a/bad', source('a/bad', '10.96.0.1')]]), here);
    const bad = source('a/bad', '10.96.0.1');
    const throwing = new Proxy(bad.service, {
      get() {
        throw new Error('nonsense');
      },
    });
    table.update(
      new Map([
        ['a/bad', {...bad, service: throwing}],
        ['a/good', source('a/good', '10.96.0.2')],
      ]),
      here,
    );
    expect(broken).toEqual(['a/bad']);
    expect([...(rendered(table).elements.get('cluster-ips')?.keys() ?? [])]).toEqual([
      '10.96.0.1',
      '10.96.0.2',
    ]);
  });
});
