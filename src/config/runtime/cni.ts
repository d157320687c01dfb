/**
 * The network of clusters that bring none: a bridge with the node's own pod ranges. Packets that leave the pod
 * network are masqueraded, a pod reaches itself through its Service (hairpin), and hostPort works (portmap).
 */
export function bridgeConflist(
  podCidrs: readonly string[],
  dataDir: string | undefined,
  bridge = 'cni0',
): string {
  const routes = podCidrs.map((cidr) => ({dst: cidr.includes(':') ? '::/0' : '0.0.0.0/0'}));
  const conflist = {
    cniVersion: '0.4.0',
    name: 'nodectl',
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        hairpinMode: true,
        ipMasq: true,
        ipam: {
          type: 'host-local',
          ranges: podCidrs.map((subnet) => [{subnet}]),
          routes,
          ...(dataDir === undefined ? {} : {dataDir}),
        },
      },
      {type: 'portmap', capabilities: {portMappings: true}},
    ],
  };
  return `${JSON.stringify(conflist, null, 2)}\n`;
}

export const conflistName = '10-nodectl.conflist';

type Network = {
  readonly type?: string;
  readonly bridge?: string;
  readonly isGateway?: boolean;
  readonly ipMasq?: boolean;
  readonly ipam?: {
    readonly type?: string;
    readonly subnet?: string;
    readonly ranges?: readonly (readonly {readonly subnet?: string}[])[];
  };
  readonly plugins?: readonly Network[];
};

export type Bridge = {
  readonly name: string;
  /** The ranges that its pods get addresses of; none where the configuration does not tell. */
  readonly subnets: readonly string[];
  /** What pods send to others than pods gets the node's address. */
  readonly masquerades: boolean;
};

/** The bridge that is the pods' gateway, where the configuration makes one; `cni0` is the plugin's own default. */
export function bridgeOf(text: string): Bridge | undefined {
  try {
    const network: Network = JSON.parse(text);
    const found = [network, ...(network.plugins ?? [])].find(({type}) => type === 'bridge');
    if (found?.isGateway !== true) return undefined;
    const {subnet, ranges = []} = found.ipam ?? {};
    const subnets = [subnet, ...ranges.flat().map((range) => range.subnet)];
    return {
      name: found.bridge ?? 'cni0',
      subnets: subnets.flatMap((cidr) => cidr ?? []),
      masquerades: found.ipMasq === true,
    };
  } catch {
    return undefined;
  }
}

/** The programs that a CNI configuration starts; none of one that cannot be read, which its runtime complains about. */
export function pluginTypes(text: string): string[] {
  try {
    const network: Network = JSON.parse(text);
    const all = [network, ...(network.plugins ?? [])];
    return [...new Set(all.flatMap(({type, ipam}) => [type ?? [], ipam?.type ?? []].flat()))];
  } catch {
    return [];
  }
}
