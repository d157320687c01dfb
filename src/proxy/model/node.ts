import type {NodePortAddresses} from '../../config/proxy.ts';
import {
  type Address,
  type Cidr,
  cidrContains,
  type Family,
  parseAddress,
  parseCidr,
  scopeOf,
} from '../../lib/addresses.ts';
import type {Node} from '../../lib/kubernetes.ts';

/** What the proxy knows of its own Node. */
export type NodeView = {
  readonly name: string;
  /** '' when the Node has no zone. */
  readonly zone: string;
  readonly addresses: Readonly<Partial<Record<Family, Address>>>;
  readonly podCIDRs: Readonly<Partial<Record<Family, string>>>;
  /** May take load-balanced traffic: it exists, and nobody is about to remove it. */
  readonly eligible: boolean;
};

const zoneLabel = 'topology.kubernetes.io/zone';
/** Set by the cluster autoscaler on Nodes that it is about to remove. */
const toBeDeletedTaint = 'ToBeDeletedByClusterAutoscaler';

/** Keeps what the proxy reads. */
export function trimNode({metadata, spec, status}: Node): Node {
  const zone = metadata.labels?.[zoneLabel];
  return {
    metadata: {
      name: metadata.name,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      labels: zone === undefined ? undefined : {[zoneLabel]: zone},
      deletionTimestamp: metadata.deletionTimestamp,
    },
    spec: {podCIDR: spec?.podCIDR, podCIDRs: spec?.podCIDRs, taints: spec?.taints},
    status: {addresses: status?.addresses},
  };
}

/** bindAddress names the node's address of its family; the Node object the rest (InternalIP, then ExternalIP). */
export function viewNode(name: string, node: Node | undefined, bindAddress: string): NodeView {
  const bound = parseAddress(bindAddress);
  const specific = bound !== undefined && scopeOf(bound) !== 'unspecified' ? [bound] : [];
  const listed = (type: string) =>
    (node?.status?.addresses ?? []).filter((a) => a.type === type).map((a) => parseAddress(a.address));
  const known = [...specific, ...listed('InternalIP'), ...listed('ExternalIP')].filter(
    (a) => a !== undefined,
  );
  const cidrs = (node?.spec?.podCIDRs ?? [node?.spec?.podCIDR ?? '']).map(parseCidr);
  return {
    name,
    zone: node?.metadata.labels?.[zoneLabel] ?? '',
    addresses: byFamily(known),
    podCIDRs: {
      IPv4: cidrs.find((cidr) => cidr?.family === 'IPv4')?.text,
      IPv6: cidrs.find((cidr) => cidr?.family === 'IPv6')?.text,
    },
    eligible:
      node !== undefined &&
      node.metadata.deletionTimestamp === undefined &&
      !(node.spec?.taints ?? []).some((taint) => taint.key === toBeDeletedTaint),
  };
}

function byFamily(addresses: readonly Address[]): Partial<Record<Family, Address>> {
  return {
    IPv4: addresses.find((address) => address.family === 'IPv4'),
    IPv6: addresses.find((address) => address.family === 'IPv6'),
  };
}

/** Addresses that serve node ports in a family; undefined for all of the node's. Loopback never does. */
export function nodePortIPs(
  wanted: NodePortAddresses,
  family: Family,
  node: NodeView,
  local: readonly string[],
): readonly string[] | undefined {
  return nodeIPs(wanted, family, node, local)?.filter((text) => !isLoopback(parseAddress(text)));
}

/** Addresses that nodePortAddresses names in a family, loopback too: health checks are answered there. */
export function nodeIPs(
  wanted: NodePortAddresses,
  family: Family,
  node: NodeView,
  local: readonly string[],
): readonly string[] | undefined {
  switch (wanted.kind) {
    case 'all':
      return undefined;
    case 'primary': {
      const address = node.addresses[family];
      // Where no such address is known, kube-proxy restricts nothing in that family.
      return address === undefined || isLoopback(address) ? undefined : [address.text];
    }
    case 'cidrs':
      return fromCidrs(
        wanted.cidrs.filter((cidr) => cidr.family === family),
        local,
      );
  }
}

function isLoopback(address: Address | undefined): boolean {
  return address !== undefined && scopeOf(address) === 'loopback';
}

/** A list that only has ranges of the other family restricts nothing in this one. */
function fromCidrs(cidrs: readonly Cidr[], local: readonly string[]): readonly string[] | undefined {
  if (cidrs.length === 0 || cidrs.some((cidr) => cidr.bits === 0)) return undefined;
  const addresses = local.map(parseAddress).filter((address) => address !== undefined);
  const chosen = addresses.filter((address) => cidrs.some((cidr) => cidrContains(cidr, address)));
  return [...new Set(chosen.map((address) => address.text))].sort();
}
