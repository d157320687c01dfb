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
  readonly ipam?: {readonly type?: string};
  readonly plugins?: readonly Network[];
};

/** The bridge that is the pods' gateway, where the configuration makes one; `cni0` is the plugin's own default. */
export function bridgeOf(text: string): string | undefined {
  try {
    const network: Network = JSON.parse(text);
    const found = [network, ...(network.plugins ?? [])].find(({type}) => type === 'bridge');
    return found?.isGateway === true ? (found.bridge ?? 'cni0') : undefined;
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
