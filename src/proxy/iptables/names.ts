import {hash} from 'node:crypto';
import type {ServicePort, ServiceView} from '../model/services.ts';

/** The tables that kube-proxy uses. */
export type TableName = 'filter' | 'nat' | 'mangle';

/** Chains whose rules are one or a few for each address of a Service, as `table chain`. */
export const places = [
  'filter KUBE-SERVICES',
  'filter KUBE-EXTERNAL-SERVICES',
  'filter KUBE-NODEPORTS',
  'filter KUBE-PROXY-FIREWALL',
  'nat KUBE-SERVICES',
  'nat KUBE-NODEPORTS',
] as const;
export type Place = (typeof places)[number];

export const markMasquerade = 'KUBE-MARK-MASQ';
export const postrouting = 'KUBE-POSTROUTING';
export const forward = 'KUBE-FORWARD';
/** The kubelet's; kube-proxy keeps a copy of its one rule. */
export const kubeletFirewall = 'KUBE-FIREWALL';
/** Made in every table so that its absence tells of a flush; tools know kube-proxy by it. */
export const canary = 'KUBE-PROXY-CANARY';
/** Not kube-proxy's: what comes to node ports on loopback addresses goes through it to be counted. */
export const loopback = 'KUBE-PROXY-LOOPBACK';
/** Not kube-proxy's: its presence says whose the other chains are. */
export const owner = 'KUBE-PROXY-NODECTL';

/** A Service's own chains are all in the nat table. */
const servicePrefixes = ['KUBE-SVC-', 'KUBE-SVL-', 'KUBE-EXT-', 'KUBE-FW-', 'KUBE-SEP-'];

export function isServiceChain(name: string): boolean {
  return servicePrefixes.some((prefix) => name.startsWith(prefix));
}

/** The kubelet's aside. */
export function isOwnChain(name: string): boolean {
  return isServiceChain(name) || ownChains.has(name);
}

const ownChains: ReadonlySet<string> = new Set([
  ...places.map((place) => place.slice(place.indexOf(' ') + 1)),
  markMasquerade,
  postrouting,
  forward,
  loopback,
  owner,
]);

export type ChainNames = {
  readonly cluster: string;
  readonly local: string;
  readonly external: string;
  readonly firewall: string;
  endpoint(id: string): string;
};

/** `namespace/name:port`, or without the colon where the port has no name. */
export function portName({key}: Pick<ServiceView, 'key'>, {name}: Pick<ServicePort, 'name'>): string {
  return name === '' ? key : `${key}:${name}`;
}

/** kube-proxy's names: iptables allows 28 characters, so they are hashed (pkg/proxy/iptables/proxier.go). */
export function chainNames(portNameText: string, protocol: string): ChainNames {
  const hashed = digest(portNameText + protocol);
  return {
    cluster: `KUBE-SVC-${hashed}`,
    local: `KUBE-SVL-${hashed}`,
    external: `KUBE-EXT-${hashed}`,
    firewall: `KUBE-FW-${hashed}`,
    endpoint: (id) => `KUBE-SEP-${digest(portNameText + protocol + id)}`,
  };
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first 16 characters of the base32 of a SHA-256: 80 bits. */
function digest(text: string): string {
  const bits = BigInt(`0x${hash('sha256', text).slice(0, 20)}`);
  return Array.from({length: 16}, (_, i) => alphabet[Number((bits >> BigInt(75 - 5 * i)) & 31n)]).join('');
}
