import {ipFamily, type KubeletConfig} from '../../config/kubelet.ts';
import type {AddressFacts} from '../../edges/network/node-addresses.ts';

export type NodeAddress = {readonly type: string; readonly address: string};

export type ChosenAddresses =
  | {readonly addresses: readonly NodeAddress[]}
  /** Why none can be told; what the Node has stays. */
  | {readonly problem: string};

const unspecified = new Set(['0.0.0.0', '::']);

/** With a cloud controller: what it told stays, and only --node-ip may be told before it; undefined: as without one. */
export function cloudAddresses(
  {nodeName, nodeIPs, externalCloudProvider}: CloudConfig,
  known: readonly NodeAddress[],
): readonly NodeAddress[] | undefined {
  if (!externalCloudProvider) return undefined;
  if (known.length > 0) return known;
  return nodeIPs.length > 0 ? undefined : [{type: 'Hostname', address: nodeName}];
}

type CloudConfig = Pick<KubeletConfig, 'nodeName' | 'nodeIPs' | 'externalCloudProvider'>;

/** Tells a cloud controller which of the machine's addresses are meant; undefined: nothing is to be told. */
export function providedAddresses({
  nodeIPs,
  externalCloudProvider,
}: Omit<CloudConfig, 'nodeName'>): string | undefined {
  const [first] = nodeIPs;
  if (!externalCloudProvider || first === undefined || unspecified.has(first)) return undefined;
  return nodeIPs.filter((ip) => !unspecified.has(ip)).join(',');
}

/**
 * pkg/kubelet/nodestatus NodeAddress: --node-ip; else a name that is an address; else what the name resolves to on
 * this machine; else the address of the default route. IPv4 is preferred unless --node-ip is `::`.
 */
export function chooseAddresses(
  nodeName: string,
  nodeIPs: readonly string[],
  facts: AddressFacts,
): ChosenAddresses {
  const given = nodeIPs.filter((ip) => !unspecified.has(ip));
  const foreign = given.find((ip) => !isLocal(ip, facts));
  if (foreign !== undefined) return {problem: `--node-ip ${foreign} is not an address of this machine`};
  const internal = given.length > 0 ? given : findAddress(nodeName, nodeIPs[0] === '::' ? 6 : 4, facts);
  if (internal.length === 0) return {problem: 'this machine has no address that others can reach'};
  return {
    addresses: [
      ...internal.map((address) => ({type: 'InternalIP', address})),
      {type: 'Hostname', address: nodeName},
    ],
  };
}

function findAddress(nodeName: string, preferred: 4 | 6, facts: AddressFacts): string[] {
  if (ipFamily(nodeName) !== 0) return [nodeName];
  const other = preferred === 4 ? 6 : 4;
  const resolved = facts.resolved.filter((ip) => isLocal(ip, facts));
  const first =
    resolved.find((ip) => ipFamily(ip) === preferred) ??
    resolved[0] ??
    routed(preferred, facts) ??
    routed(other, facts) ??
    facts.local.find(({family}) => family === preferred)?.address ??
    facts.local[0]?.address;
  return first === undefined ? [] : [first];
}

function routed(family: 4 | 6, facts: AddressFacts): string | undefined {
  const devices = family === 4 ? facts.routes4 : facts.routes6;
  for (const device of devices) {
    const found = facts.local.find((local) => local.device === device && local.family === family);
    if (found !== undefined) return found.address;
  }
  return undefined;
}

function isLocal(ip: string, facts: AddressFacts): boolean {
  return facts.local.some(({address}) => address.toLowerCase() === ip.toLowerCase());
}
