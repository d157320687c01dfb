import type {Endpoint} from './endpoint.ts';
import type {ServicePort, ServiceView} from './services.ts';

export type Topology = {readonly nodeName: string; readonly zone: string};

/** The usable endpoints of one service port (pkg/proxy/topology.go, CategorizeEndpoints). */
export type Usable = {
  /** For traffic policy Cluster. */
  readonly cluster: readonly Endpoint[];
  /** For traffic policy Local. */
  readonly local: readonly Endpoint[];
  /** Whether any node has a usable endpoint. */
  readonly any: boolean;
};

export function isExternallyAccessible(service: ServiceView, port: ServicePort): boolean {
  return port.nodePort !== 0 || service.loadBalancerIPs.length > 0 || service.externalIPs.length > 0;
}

/** The usable endpoints of one port, for the policies that its Service has. */
export function usableFor(
  service: ServiceView,
  port: ServicePort,
  endpoints: readonly Endpoint[],
  topology: Topology,
): Usable {
  const external = isExternallyAccessible(service, port);
  const uses = {
    cluster: !service.internalLocal || external,
    local: service.internalLocal || (service.externalLocal && external),
  };
  return usableEndpoints(endpoints, uses, topology);
}

/** Cluster endpoints serve policy Local too: traffic of this node's own pods and host is short-circuited to them. */
export function usableEndpoints(
  endpoints: readonly Endpoint[],
  uses: {readonly cluster: boolean; readonly local: boolean},
  topology: Topology,
): Usable {
  const cluster = uses.cluster ? clusterEndpoints(endpoints, topology) : [];
  const local = uses.local ? readyElseTerminating(endpoints.filter((endpoint) => endpoint.local)) : [];
  const any = uses.local ? readyElseTerminating(endpoints).length > 0 : cluster.length > 0;
  return {cluster, local, any};
}

function clusterEndpoints(endpoints: readonly Endpoint[], topology: Topology): readonly Endpoint[] {
  const usable = readyElseTerminating(endpoints);
  return usable.some((endpoint) => endpoint.ready) ? nearest(usable, topology) : usable;
}

function readyElseTerminating(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  return ready.length > 0 ? ready : endpoints.filter((e) => e.serving && e.terminating);
}

/** Hints count only when every ready endpoint has one; a node's hint is preferred to a zone's. */
function nearest(ready: readonly Endpoint[], {nodeName, zone}: Topology): readonly Endpoint[] {
  const forNode = hinted(ready, (endpoint) => endpoint.nodeHints, nodeName);
  return forNode ?? hinted(ready, (endpoint) => endpoint.zoneHints, zone) ?? ready;
}

function hinted(
  ready: readonly Endpoint[],
  hintsOf: (endpoint: Endpoint) => readonly string[],
  here: string,
): readonly Endpoint[] | undefined {
  if (here === '' || !ready.every((endpoint) => hintsOf(endpoint).length > 0)) return undefined;
  const chosen = ready.filter((endpoint) => hintsOf(endpoint).includes(here));
  return chosen.length > 0 ? chosen : undefined;
}
