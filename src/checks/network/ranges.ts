import {defaultRouteDevices} from '../../edges/network/node-addresses.ts';
import {type Route, readRoutes} from '../../edges/network/routes.ts';
import {cidrContains, parseAddress, parseCidr} from '../../lib/addresses.ts';
import {type Finding, failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export type Ranges = {
  readonly routes: readonly Route[];
  /** Links that lead out of the machine: those of default routes and of the node's address. */
  readonly uplinks: readonly string[];
  readonly podCidrs: readonly string[];
  /** Addresses that the cluster is known to have given to Services. */
  readonly serviceIps: readonly string[];
};

/** The machine's own networks must not contain what the cluster gives away. */
export const ranges = nodeCheck({
  name: 'Ranges',
  category: 'network',
  codes: ['ND321'],
  looks: 'compares the connected networks with the pod range and the addresses of Services',
  after: ['NodeObject'],
  async observe({sight}) {
    const [node, service, config, routes, devices] = await Promise.all([
      sight.node(),
      sight.kubernetesService(),
      sight.kubeletConfig().catch(() => undefined),
      readRoutes(),
      defaultRouteDevices(4),
    ]);
    const spec = node.kind === 'there' ? node.object.spec : undefined;
    const clusterIp = service.kind === 'there' ? service.object.spec.clusterIP : undefined;
    return {
      routes,
      uplinks: devices,
      podCidrs: spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]),
      serviceIps: [...(config?.clusterDNS ?? []), ...(clusterIp === undefined ? [] : [clusterIp])],
    };
  },
  judge: judgeRanges,
});

export function judgeRanges({routes, uplinks, podCidrs, serviceIps}: Ranges): readonly Finding[] {
  const connected = routes.filter(
    ({device, gateway, length}) => !gateway && length > 0 && uplinks.includes(device),
  );
  for (const {device, destination, length} of connected) {
    const network = `${destination}/${length}`;
    const pods = podCidrs.find((cidr) => overlap(network, cidr));
    if (pods !== undefined) return [clash(network, device, `the pods’ range ${pods}`)];
    const service = serviceIps.find((ip) => overlap(network, `${ip}/32`));
    if (service !== undefined) return [clash(network, device, `the Service ${service}`)];
  }
  return [];
}

function clash(network: string, device: string, what: string): Finding {
  return failure('ND321', `the network ${network} of ${device} overlaps ${what}`, 'ip route');
}

/** Two ranges overlap when one contains the other's first address. */
function overlap(a: string, b: string): boolean {
  const [left, right] = [parseCidr(a), parseCidr(b)];
  if (left === undefined || right === undefined) return false;
  const [first, second] = [parseAddress(a.split('/')[0] ?? ''), parseAddress(b.split('/')[0] ?? '')];
  return (
    (second !== undefined && cidrContains(left, second)) ||
    (first !== undefined && cidrContains(right, first))
  );
}
