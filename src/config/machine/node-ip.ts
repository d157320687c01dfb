import {cidrContains, parseAddress, parseCidr, scopeOf} from '../../lib/addresses.ts';

/** An address of this machine and what is said of it. */
export type AddressCandidate = {
  readonly device: string;
  readonly address: string;
  readonly family: 4 | 6;
  readonly chosen: boolean;
  readonly reason: string;
};

export type AddressSight = {
  readonly local: readonly {readonly device: string; readonly address: string; readonly family: 4 | 6}[];
  /** The source address of packets to the API server. */
  readonly routeSource: string | undefined;
  /** The node's address from an earlier join: kept while the machine has it. */
  readonly current: string | undefined;
};

export type NodeIpChoice = {
  /** One address, or two with a comma; undefined when there is none that fits. */
  readonly nodeIp: string | undefined;
  readonly table: readonly AddressCandidate[];
  /** The part of --node-ip that nothing fits. */
  readonly unmet: string | undefined;
};

/** Links of container networks and tunnels: their addresses mean nothing to other machines. */
const inner =
  /^(docker|br-|cni|cbr|veth|cali|cilium|lxc|flannel|weave|kube-|nodelocaldns|virbr|tunl|vxlan|tailscale|podman)/;
/** Every VirtualBox NAT gives its guest this very address, and so does qemu's user network. */
export const sharedNat = '10.0.2.15';

type Local = AddressSight['local'][number];

/** Which address others reach this node at: the one that packets to the API server leave by, unless all share it. */
export function chooseNodeIp(wish: string, sight: AddressSight): NodeIpChoice {
  const usable = sight.local.filter(({device, address}) => isUsable(device, address));
  const chosen: string[] = [];
  for (const part of wish.split(',')) {
    const found = meet(part, sight, usable, chosen);
    if (found === undefined) return {nodeIp: undefined, table: table(sight, []), unmet: part};
    chosen.push(found);
  }
  return {nodeIp: chosen.join(','), table: table(sight, chosen), unmet: undefined};
}

function meet(
  part: string,
  sight: AddressSight,
  usable: readonly Local[],
  taken: readonly string[],
): string | undefined {
  if (part === 'auto') return automatic(sight, usable);
  // `::` and `0.0.0.0` only say which family the kubelet prefers.
  if (part === '::' || part === '0.0.0.0') return part;
  const free = sight.local.filter(({address}) => !taken.includes(address));
  const exact = parseAddress(part);
  if (exact !== undefined)
    return free.find(({address}) => parseAddress(address)?.text === exact.text)?.address;
  const range = parseCidr(part);
  if (range !== undefined && part.includes('/'))
    return free.find(({address}) => {
      const parsed = parseAddress(address);
      return parsed !== undefined && cidrContains(range, parsed);
    })?.address;
  const ofDevice = free.filter(({device}) => device === part);
  return (ofDevice.find(({family}) => family === 4) ?? ofDevice[0])?.address;
}

function automatic({current, routeSource}: AddressSight, usable: readonly Local[]): string | undefined {
  const has = (address: string | undefined): boolean => usable.some((found) => found.address === address);
  const unique = usable.filter(({address}) => address !== sharedNat);
  if (has(current) && (current !== sharedNat || unique.length === 0)) return current;
  if (has(routeSource) && routeSource !== sharedNat) return routeSource;
  const family = routeSource?.includes(':') === true ? 6 : 4;
  return (unique.find((found) => found.family === family) ?? unique[0] ?? usable[0])?.address;
}

function isUsable(device: string, address: string): boolean {
  const parsed = parseAddress(address);
  return parsed !== undefined && scopeOf(parsed) === 'global' && !inner.test(device);
}

function table(sight: AddressSight, chosen: readonly string[]): AddressCandidate[] {
  return sight.local.map((local) => ({
    ...local,
    chosen: chosen.includes(local.address),
    reason: reasonOf(local, sight),
  }));
}

function reasonOf({device, address}: Local, {routeSource, current}: AddressSight): string {
  if (address === sharedNat) return 'NAT: other virtual machines have the same address';
  if (inner.test(device)) return 'of a container network or a tunnel';
  if (address === routeSource) return 'on the route to the API server';
  if (address === current) return 'the node’s address since it joined';
  return 'another network';
}

/** A line for each candidate, for plans and errors. */
export function addressLines(candidates: readonly AddressCandidate[]): string[] {
  const width = (of: (c: AddressCandidate) => string): number =>
    Math.max(0, ...candidates.map((candidate) => of(candidate).length));
  const [devices, addresses] = [width(({device}) => device), width(({address}) => address)];
  return candidates.map(
    ({device, address, chosen, reason}) =>
      `${chosen ? '*' : ' '} ${device.padEnd(devices)}  ${address.padEnd(addresses)}  ${reason}`,
  );
}
