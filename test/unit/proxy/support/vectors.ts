import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import type {NodePortAddresses} from '../../../../src/config/proxy.ts';
import {type Family, parseCidr} from '../../../../src/lib/addresses.ts';
import type {EndpointSlice, Service} from '../../../../src/lib/kubernetes.ts';
import {type NodeView, nodePortIPs, viewNode} from '../../../../src/proxy/model/node.ts';
import type {FamilyTable, ServiceSource} from '../../../../src/proxy/table/family-table.ts';
import {node, type SliceText, service, slice} from './objects.ts';
import {familyTable} from './tables.ts';

/** Who sends: a pod of this node, the node itself, a machine outside, or an endpoint. */
export type Role = 'pod' | 'node' | 'outside' | 'ep1' | 'ep2' | 'lb1';

export type Flow = {
  readonly name: string;
  readonly from: Role;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly to: {readonly address: string; readonly port: number};
  /** `ip:port`, with ` masq` where the source is not the sender's; NONE is a packet that no rule touches. */
  readonly expect: readonly string[] | 'REJECT' | 'DROP' | 'NONE';
};

export type Vector = {
  readonly name: string;
  readonly family: Family;
  readonly masqueradeAll: boolean;
  readonly detectLocal: boolean;
  readonly allowExternalIPs: boolean;
  readonly nodePortAddresses: NodePortAddresses;
  readonly zone: string;
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly flows: readonly Flow[];
};

/** The small world that every vector is about, in both families. */
export const world: Readonly<Record<string, Readonly<Record<Family, string>>>> = {
  vip1: {IPv4: '10.97.0.10', IPv6: 'fd97::10'},
  vip2: {IPv4: '10.97.0.20', IPv6: 'fd97::20'},
  vip3: {IPv4: '10.97.0.30', IPv6: 'fd97::30'},
  vip9: {IPv4: '10.97.0.90', IPv6: 'fd97::90'},
  lb1: {IPv4: '198.51.100.1', IPv6: 'fd98::1'},
  ext1: {IPv4: '198.51.100.9', IPv6: 'fd98::9'},
  node: {IPv4: '172.30.0.2', IPv6: 'fd01::2'},
  node2: {IPv4: '172.30.0.3', IPv6: 'fd01::3'},
  outside: {IPv4: '172.30.0.9', IPv6: 'fd01::9'},
  ep1: {IPv4: '10.64.1.1', IPv6: 'fd64:1::1'},
  ep2: {IPv4: '10.64.2.1', IPv6: 'fd64:2::1'},
  pod: {IPv4: '10.64.9.9', IPv6: 'fd64:9::9'},
  loopback: {IPv4: '127.0.0.1', IPv6: '::1'},
  linklocal: {IPv4: '169.254.7.7', IPv6: 'fe80::7'},
  any: {IPv4: '0.0.0.0/0', IPv6: '::/0'},
  otherfamily: {IPv4: 'fd01::/64', IPv6: '172.30.0.0/24'},
};
export const podRange: Readonly<Record<Family, string>> = {IPv4: '10.64.0.0/16', IPv6: 'fd64::/16'};
export const serviceRange: Readonly<Record<Family, string>> = {IPv4: '10.97.0.0/16', IPv6: 'fd97::/64'};

type Written = {
  name: string;
  zone?: string;
  config?: {
    masqueradeAll?: boolean;
    detectLocal?: boolean;
    allowExternalIPs?: boolean;
    nodePortAddresses?: 'primary' | 'all' | string[];
  };
  services: {key: string; spec: Service['spec']; ingress?: object[]}[];
  slices: SliceText[];
  flows: {name: string; from: Role; protocol: Flow['protocol']; to: string; expect: Flow['expect']}[];
};

const folder = join(import.meta.dirname, '..', 'vectors');

/** Every vector file by name, in one family. */
export function loadVectors(family: Family): Map<string, Vector[]> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return new Map(
    names.map((name) => {
      const written: Written[] = JSON.parse(inFamily(readFileSync(join(folder, name), 'utf8'), family));
      return [name.replace('.json', ''), written.map((one) => read(one, family))];
    }),
  );
}

/** `$node` is the world's; `$node/32` one address of it; `$node:80` an address and a port. */
function inFamily(text: string, family: Family): string {
  const six = family === 'IPv6';
  return text.replace(/\$(\w+)(\/32)?/g, (_, name: string, host: string | undefined) => {
    const address = world[name]?.[family] ?? '';
    return host === undefined ? address : `${address}/${six ? 128 : 32}`;
  });
}

function read({name, zone = '', config = {}, services, slices, flows}: Written, family: Family): Vector {
  const addresses = config.nodePortAddresses ?? 'primary';
  return {
    name,
    family,
    zone,
    masqueradeAll: config.masqueradeAll ?? false,
    detectLocal: config.detectLocal ?? true,
    allowExternalIPs: config.allowExternalIPs ?? true,
    nodePortAddresses:
      typeof addresses === 'string'
        ? {kind: addresses}
        : {kind: 'cidrs', cidrs: addresses.map(parseCidr).filter((cidr) => cidr !== undefined)},
    services: services.map(({key, spec, ingress}) => service(key, spec, ingress)),
    slices: slices.map((text) => slice({...text, family})),
    flows: flows.map(({to, expect, ...flow}) => ({
      ...flow,
      to: {address: to.slice(0, to.lastIndexOf(':')), port: Number(to.slice(to.lastIndexOf(':') + 1))},
      expect: typeof expect === 'string' ? expect : expect.map((one) => bracketed(one, family)).sort(),
    })),
  };
}

function bracketed(endpoint: string, family: Family): string {
  return family === 'IPv6' ? endpoint.replace(/^(.*):(\d+)/, '[$1]:$2') : endpoint;
}

export function nodeOf({family, zone}: Vector): NodeView {
  return viewNode('here', node('here', [world.node?.[family] ?? ''], zone), '0.0.0.0');
}

/** The table that the proxy wants for a vector. */
export function desiredTable(vector: Vector): FamilyTable {
  const {family} = vector;
  const table = familyTable(family, {
    masqueradeAll: vector.masqueradeAll,
    allowExternalIPs: vector.allowExternalIPs,
    pods: vector.detectLocal ? {by: 'cidr', cidr: podRange[family]} : undefined,
  });
  const view = nodeOf(vector);
  const local = [world.node?.[family] ?? '', world.node2?.[family] ?? ''];
  table.updateNode({
    nodePortIPs: nodePortIPs(vector.nodePortAddresses, family, view, local),
    serviceCIDRs: [serviceRange[family]],
  });
  table.update(sourcesOf(vector), view);
  return table;
}

export function sourcesOf({services, slices}: Vector): Map<string, ServiceSource> {
  return new Map(
    services.map((one) => {
      const {name, namespace} = one.metadata;
      const own = slices.filter(
        (s) =>
          s.metadata.namespace === namespace && s.metadata.labels?.['kubernetes.io/service-name'] === name,
      );
      return [`${namespace}/${name}`, {service: one, slices: own}];
    }),
  );
}
