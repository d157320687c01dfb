import {describe, expect, it} from 'vitest';
import {parseCidr} from '../../../../src/lib/addresses.ts';
import {mergeSlices} from '../../../../src/proxy/model/endpoints.ts';
import {nodePortIPs, viewNode} from '../../../../src/proxy/model/node.ts';
import {viewService} from '../../../../src/proxy/model/services.ts';
import {usableFor} from '../../../../src/proxy/model/topology.ts';
import {type EndpointText, node, service, slice} from '../support/objects.ts';

const nodeName = 'node-1';

type Policies = {readonly internal?: 'Local'; readonly external?: 'Local'; readonly nodePort?: number};

/** `cluster | local | any` by the last octets of the endpoints' addresses. */
function categorized(endpoints: readonly EndpointText[], zone: string, policies: Policies): string {
  const {internal = 'Cluster', external = 'Cluster', nodePort} = policies;
  const spec = {
    type: nodePort === undefined ? 'ClusterIP' : 'NodePort',
    clusterIP: '10.96.0.1',
    internalTrafficPolicy: internal,
    externalTrafficPolicy: external,
    ports: [{name: 'p', port: 80, nodePort}],
  };
  const view = viewService(service('a/b', spec), 'IPv4');
  const ports = [{name: 'p', port: 80}];
  const merged = mergeSlices([slice({service: 'a/b', ports, endpoints})], 'IPv4', nodeName, () => undefined);
  const [port] = view?.ports ?? [];
  if (view === undefined || port === undefined) throw new Error('no such port');
  const usable = usableFor(view, port, merged.get('tcp/p') ?? [], {nodeName, zone});
  const ends = (list: readonly {ip: string}[]) => list.map(({ip}) => ip.split('.').at(-1)).join(' ');
  return `${ends(usable.cluster)} | ${ends(usable.local)} | ${usable.any}`;
}

const e = (end: number, more: Partial<EndpointText> = {}): EndpointText => ({ip: `10.0.0.${end}`, ...more});
const zoned = (end: number, zone: string, more: Partial<EndpointText> = {}) =>
  e(end, {zones: [zone], ...more});
const here = {node: nodeName};
const unready = {ready: false, serving: false};
const dying = {ready: false, serving: true, terminating: true};
const internalLocal = {internal: 'Local'} as const;
const externalLocal = {external: 'Local', nodePort: 30_080} as const;
const bothLocal = {...internalLocal, ...externalLocal};
const fourZones = [zoned(3, 'a', here), zoned(4, 'b', here), zoned(5, 'c'), zoned(6, 'a')];
const hinted = (end: number, zone: string, on: string) => zoned(end, zone, {nodes: [on]});
const remote = [e(0), e(1)];
const mixed = [e(0, here), e(1)];

/** pkg/proxy/topology_test.go, TestCategorizeEndpoints: each of its cases. */
describe('the endpoints that a port may use', () => {
  it.each<[string, readonly EndpointText[], string, Policies, string]>([
    ['all have hints', fourZones, 'a', {}, '3 6 |  | true'],
    ['external Local: hints do not concern local ones', fourZones, 'a', externalLocal, '3 6 | 3 4 | true'],
    [
      'internal Local: hints do not concern local ones',
      fourZones,
      'a',
      {...internalLocal, nodePort: 30_080},
      '3 6 | 3 4 | true',
    ],
    ['the node has no zone', [zoned(3, 'a')], '', {}, '3 |  | true'],
    ['the node is in another zone', [zoned(3, 'a')], 'b', {}, '3 |  | true'],
    [
      'one of the zone is not ready',
      [zoned(3, 'a'), zoned(4, 'b'), zoned(5, 'c'), zoned(6, 'a', unready)],
      'a',
      {},
      '3 |  | true',
    ],
    [
      'all of the zone are not ready',
      [zoned(3, 'a', unready), zoned(4, 'b'), zoned(5, 'c'), zoned(6, 'a', unready)],
      'a',
      {},
      '4 5 |  | true',
    ],
    ['one has no hint', [zoned(3, 'a'), zoned(4, 'b'), e(5), zoned(6, 'a')], 'a', {}, '3 4 5 6 |  | true'],
    [
      'several hints each',
      [
        e(3, {zones: ['a', 'b', 'c']}),
        e(4, {zones: ['b', 'c']}),
        e(5, {zones: ['b', 'd']}),
        e(6, {zones: ['c']}),
      ],
      'c',
      {},
      '3 4 6 |  | true',
    ],
    [
      'one is hinted for this node',
      [hinted(3, 'a', nodeName), hinted(4, 'b', 'n2'), hinted(5, 'c', 'n3'), hinted(6, 'a', 'n4')],
      'a',
      {},
      '3 |  | true',
    ],
    [
      'one is hinted for this node, and another not at all',
      [hinted(3, 'a', nodeName), e(4), hinted(5, 'c', 'n3'), hinted(6, 'a', 'n4')],
      'a',
      {},
      '3 4 5 6 |  | true',
    ],
    [
      'none is hinted for this node: the zone counts',
      [hinted(3, 'a', 'n1'), hinted(4, 'b', 'n2'), hinted(5, 'c', 'n3'), hinted(6, 'a', 'n4')],
      'a',
      {},
      '3 6 |  | true',
    ],
    [
      'hints and policy Local are of different opinions',
      [zoned(0, 'a', here), zoned(1, 'b', here), zoned(2, 'a'), zoned(3, 'b')],
      'a',
      externalLocal,
      '0 2 | 0 1 | true',
    ],
    ['internal Local, none', [], '', internalLocal, ' |  | false'],
    ['internal Local, all elsewhere', remote, '', internalLocal, ' |  | true'],
    ['internal Local, all here', [e(0, here), e(1, here)], '', internalLocal, ' | 0 1 | true'],
    ['internal Local, some here', mixed, '', internalLocal, ' | 0 | true'],
    ['none is ready', [e(0, unready), e(1, unready)], '', {}, ' |  | false'],
    ['one is ready', [e(0, unready), e(1)], '', {}, '1 |  | true'],
    ['all terminate', [e(0, {...dying, ...here}), e(1, dying)], '', {}, '0 1 |  | true'],
    ['internal Local and a node port', mixed, '', {...internalLocal, nodePort: 30_080}, '0 1 | 0 | true'],
    ['external Local', mixed, '', externalLocal, '0 1 | 0 | true'],
    ['both Local', mixed, '', bothLocal, '0 1 | 0 | true'],
    ['both Local, all elsewhere', remote, '', bothLocal, '0 1 |  | true'],
    ['both Local, all elsewhere and terminating', [e(0, dying), e(1, dying)], '', bothLocal, '0 1 |  | true'],
    [
      'external Local, one ready elsewhere, one terminating here',
      [e(0), e(1, {...unready, ...here}), e(2, {...dying, ...here}), e(3, dying)],
      '',
      externalLocal,
      '0 | 2 | true',
    ],
    ['external Local without any external address', mixed, '', {external: 'Local'}, '0 1 |  | true'],
    ['internal Local without any external address', mixed, '', internalLocal, ' | 0 | true'],
    ['no endpoints', [], '', {}, ' |  | false'],
    ['one that is nothing', [e(0, {...unready, terminating: false})], 'a', {}, ' |  | false'],
  ])('%s', (_what, endpoints, zone, policies, expected) => {
    expect(categorized(endpoints, zone, policies)).toBe(expected);
  });
});

/** pkg/proxy/util/utils_test.go, TestGetClusterIPByFamily. */
describe('the cluster address of a family', () => {
  it.each<[string, object, string | undefined, string | undefined]>([
    ['an old IPv4 Service', {clusterIP: '10.96.0.1'}, '10.96.0.1', undefined],
    ['an old IPv6 Service', {clusterIP: 'fd00::1'}, undefined, 'fd00::1'],
    ['IPv4 alone', {clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1']}, '10.96.0.1', undefined],
    ['IPv6 alone', {clusterIP: 'fd00::1', clusterIPs: ['fd00::1']}, undefined, 'fd00::1'],
    ['IPv4 first', {clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1', 'fd00::1']}, '10.96.0.1', 'fd00::1'],
    ['IPv6 first', {clusterIP: 'fd00::1', clusterIPs: ['fd00::1', '10.96.0.1']}, '10.96.0.1', 'fd00::1'],
    ['an empty list', {clusterIP: '10.96.0.1', clusterIPs: []}, '10.96.0.1', undefined],
  ])('%s', (_what, spec, v4, v6) => {
    const of = (family: 'IPv4' | 'IPv6') => viewService(service('a/b', spec), family)?.clusterIP;
    expect([of('IPv4'), of('IPv6')]).toEqual([v4, v6]);
  });
});

/**
 * pkg/proxy/util/nodeport_addresses_test.go, TestGetNodeIPs; loopback addresses serve no node ports in nftables mode
 * (pkg/proxy/nftables/proxier.go). Undefined for all addresses of the node.
 */
describe('the addresses that node ports are served on', () => {
  const view = viewNode('here', node('here', []), '0.0.0.0');
  it.each<[string, string[], string[], string[] | undefined, string[] | undefined]>([
    ['one range', ['10.20.30.0/24'], ['10.20.30.51', '100.200.201.1'], ['10.20.30.51'], undefined],
    ['IPv4 whole', ['0.0.0.0/0'], ['10.20.30.51', '127.0.0.1'], undefined, undefined],
    ['IPv6 ranges', ['2001:db8::/64', '::1/128'], ['2001:db8::1', '::1'], undefined, ['2001:db8::1']],
    ['IPv6 whole', ['::/0'], ['2001:db8::1', '::1'], undefined, undefined],
    ['loopback', ['127.0.0.1/32'], ['10.20.30.51', '127.0.0.1'], [], undefined],
    ['all of loopback', ['127.0.0.0/8'], ['127.0.1.1'], [], undefined],
    [
      'two ranges',
      ['10.20.30.0/24', '100.200.201.0/24'],
      ['10.20.30.51', '100.200.201.1'],
      ['10.20.30.51', '100.200.201.1'],
      undefined,
    ],
    ['none matches', ['10.20.30.0/24', '100.200.201.0/24'], ['192.168.1.2', '127.0.0.1'], [], undefined],
    ['no range', [], ['192.168.1.2', '127.0.0.1'], undefined, undefined],
    ['a range within another', ['1.2.3.0/24', '0.0.0.0/0'], ['1.2.3.4'], undefined, undefined],
    [
      'all of IPv4, one of IPv6',
      ['0.0.0.0/0', '1.2.3.0/24', '2001:db8::1/128'],
      ['1.2.3.4', '2001:db8::1', '127.0.0.1', '::1'],
      undefined,
      ['2001:db8::1'],
    ],
    [
      'all of IPv6, one of IPv4',
      ['::/0', '1.2.3.0/24', '2001:db8::1/128'],
      ['1.2.3.4', '2001:db8::1', '127.0.0.1', '::1'],
      ['1.2.3.4'],
      undefined,
    ],
  ])('%s', (_what, ranges, local, v4, v6) => {
    const cidrs = ranges.map(parseCidr).filter((cidr) => cidr !== undefined);
    const of = (family: 'IPv4' | 'IPv6') => nodePortIPs({kind: 'cidrs', cidrs}, family, view, local);
    expect([of('IPv4'), of('IPv6')]).toEqual([v4, v6]);
  });
});

/** cmd/kube-proxy/app/server_test.go, Test_detectNodeIPs; where kube-proxy takes loopback there is no address here. */
describe("the node's own addresses", () => {
  const [four, six] = ['192.168.1.1', 'fd00:1:2:3::1'];
  it.each<[string, string[] | undefined, string, string | undefined, string | undefined]>([
    ['an address is given, no Node', undefined, four, four, undefined],
    ['an IPv6 address is given, no Node', undefined, six, undefined, six],
    ['neither', undefined, '', undefined, undefined],
    ['nothing but an unspecified one', undefined, '0.0.0.0', undefined, undefined],
    ['the Node has one', [four], '0.0.0.0', four, undefined],
    ['the Node has one, bound to IPv6', [four], '::', four, undefined],
    ['the Node has an IPv6 one', [six], '0.0.0.0', undefined, six],
    ['the Node has both', [four, six], '::', four, six],
    ['the Node has both, IPv6 first', [six, four], '0.0.0.0', four, six],
    ['one is given over that of the Node', [four, six], '10.0.0.1', '10.0.0.1', six],
    ['an IPv6 one is given over that of the Node', [four, six], 'fd00::9', four, 'fd00::9'],
  ])('%s', (_what, listed, bound, v4, v6) => {
    const {addresses} = viewNode('n', listed === undefined ? undefined : node('n', listed), bound);
    expect([addresses.IPv4?.text, addresses.IPv6?.text]).toEqual([v4, v6]);
  });
});
