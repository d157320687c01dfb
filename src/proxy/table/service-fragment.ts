import {type Address, cidrContains} from '../../lib/addresses.ts';
import {portKey} from '../model/endpoint.ts';
import {type EndpointsByPort, inOrder} from '../model/endpoints.ts';
import type {ServicePort, ServiceView} from '../model/services.ts';
import {isExternallyAccessible, type Topology, type Usable, usableFor} from '../model/topology.ts';
import {affinityChains} from './affinity.ts';
import type {ChainContext, FrontendKind, SharedChain, SharedChains} from './chains.ts';
import {emptyFragment, type Fragment, type Frontend, frontendKey, memberOf, none} from './fragment.ts';
import {externalChain, internalChain, policiesOf, poolOf} from './pool.ts';
import {rejectChain} from './skeleton.ts';
import type {Chain, Container} from './table.ts';

export type FragmentContext = {
  readonly chains: ChainContext;
  readonly shared: SharedChains;
  readonly topology: Topology;
  /** The node's own address in this family: sources that may use a load balancer include it or not. */
  readonly nodeIP: Address | undefined;
};

/** Where packets of one kind go: through shared chains and maps, or through chains of the Service's own. */
type Route = Pick<Frontend, 'verdict' | 'refusal' | 'pool' | 'policies'> & {
  readonly chains: readonly Chain[];
};
type Routes = {
  internal(): Route;
  /** By kind of frontend: the same decision, other maps. */
  external(kind: FrontendKind): Route;
  readonly containers: readonly Container[];
};
type Use = {readonly frontend: Frontend; readonly chains: readonly Chain[]};

/** What a Service puts into the table. Pure; `before` only keeps endpoints at their indexes. */
export function serviceFragment(
  service: ServiceView,
  endpoints: EndpointsByPort,
  context: FragmentContext,
  before: Fragment | undefined,
): Fragment {
  const firewall = firewallChain(service, context);
  const ports = service.ports.map((port) => {
    const known = endpoints.get(portKey(port.protocol, port.name)) ?? [];
    // A pool has an order of its own, and to sort thousands with each change of one costs as much as all else.
    const listed = service.affinitySeconds === undefined ? known : inOrder(known);
    const usable = usableFor(service, port, listed, context.topology);
    return {port, usable, routes: routesOf(service, port, usable, context, before)};
  });
  const uses = distinct(ports.flatMap(({port, routes}) => usesOf(service, port, routes, firewall)));
  return {
    frontends: uses.map(({frontend}) => frontend),
    chains: together(uses.map(({chains}) => chains)),
    containers: together(ports.map(({routes}) => routes.containers)),
    members: [
      memberOf('cluster-ips', service.clusterIP),
      ...ports.flatMap(({port, usable}) => hairpins(port, usable)),
    ],
    withoutLocal:
      service.internalLocal || service.externalLocal
        ? withoutLocal(
            service,
            ports.map(({usable}) => usable),
          )
        : emptyFragment.withoutLocal,
  };
}

/** Each once. The list itself where there is one only: Services share it. */
function together<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const [only = none, ...others] = lists.filter((list) => list.length > 0);
  return others.every((list) => list === only) ? only : [...new Set([only, ...others].flat())];
}

function withoutLocal({internalLocal, externalLocal}: ServiceView, ports: readonly Usable[]) {
  const count = ports.filter(isElsewhere).length;
  return {internal: internalLocal ? count : 0, external: externalLocal ? count : 0};
}

function isElsewhere({any, local}: Usable): boolean {
  return any && local.length === 0;
}

function routesOf(
  service: ServiceView,
  port: ServicePort,
  usable: Usable,
  context: FragmentContext,
  before: Fragment | undefined,
): Routes {
  if (!usable.any) return everywhere(refused);
  if (service.affinitySeconds !== undefined)
    return affinityRoutes(service, port, usable, service.affinitySeconds, context);
  const pool = poolOf(port, usable, before);
  const route = (kind: FrontendKind, shared: SharedChain): Route => {
    const {chains, verdict} = context.shared.get(kind, port.protocol, shared);
    return {verdict, refusal: undefined, pool, policies: policiesOf(shared), chains};
  };
  return {
    internal() {
      const internal = internalChain(service, pool);
      return internal === undefined ? dropped : route('service', internal);
    },
    external: (kind) => route(kind, externalChain(service, pool)),
    containers: none,
  };
}

const refused: Route = {
  verdict: undefined,
  refusal: `goto ${rejectChain}`,
  pool: undefined,
  policies: none,
  chains: none,
};
const dropped: Route = {
  verdict: 'drop',
  refusal: undefined,
  pool: undefined,
  policies: none,
  chains: none,
};

function everywhere(route: Route): Routes {
  return {internal: () => route, external: () => route, containers: none};
}

/** Affinity is to a client and a service port, whichever of its addresses is used: one set of chains for all. */
function affinityRoutes(
  service: ServiceView,
  port: ServicePort,
  usable: Usable,
  seconds: number,
  context: FragmentContext,
): Routes {
  const id = `${service.key}/${port.protocol}/${port.port}`;
  const made = affinityChains({
    id,
    protocol: port.protocol,
    seconds,
    usable,
    externalLocal: service.externalLocal,
    external: isExternallyAccessible(service, port),
    context: context.chains,
  });
  const own = (verdict: string | undefined): Route =>
    verdict === undefined
      ? dropped
      : {
          verdict: `goto ${verdict}`,
          refusal: undefined,
          pool: undefined,
          policies: none,
          chains: made.chains,
        };
  return {
    internal: () => own(service.internalLocal ? made.local : made.cluster),
    external: () => own(made.external),
    containers: made.containers,
  };
}

function usesOf(service: ServiceView, port: ServicePort, routes: Routes, firewall: Chain | undefined): Use[] {
  const use = (rank: number, address: string, route: Route, source?: Chain): Use => ({
    frontend: {
      owner: service.key,
      kind: address === '' ? 'nodeport' : 'service',
      protocol: port.protocol,
      address,
      port: address === '' ? port.nodePort : port.port,
      rank,
      verdict: route.verdict,
      refusal: route.refusal,
      firewall: source === undefined ? undefined : `goto ${source.name}`,
      pool: route.pool,
      policies: route.policies,
    },
    chains: source === undefined ? route.chains : [...route.chains, source],
  });
  const {loadBalancerIPs, externalIPs} = service;
  return [
    use(0, service.clusterIP, routes.internal()),
    ...(port.nodePort === 0 ? [] : [use(0, '', routes.external('nodeport'))]),
    ...loadBalancerIPs.map((ip) => use(1, ip, routes.external('service'), firewall)),
    ...externalIPs.map((ip) => use(2, ip, routes.external('service'))),
  ];
}

/** An address can be listed twice, as a load balancer's and as an external one: the first use counts. */
function distinct(uses: readonly Use[]): Use[] {
  const seen = new Map<string, Use>();
  for (const use of uses) {
    const key = frontendKey(use.frontend);
    if (!seen.has(key)) seen.set(key, use);
  }
  return [...seen.values()];
}

/**
 * Sources of a load balancer. Where the node itself is allowed, so are the balancer's addresses: they are often local
 * to the node and then become the source of what the node sends to them.
 */
function firewallChain(service: ServiceView, {chains: {ip}, nodeIP}: FragmentContext): Chain | undefined {
  const {sourceRanges, loadBalancerIPs} = service;
  if (sourceRanges.length === 0 || loadBalancerIPs.length === 0) return undefined;
  const fromNode = nodeIP !== undefined && sourceRanges.some((cidr) => cidrContains(cidr, nodeIP));
  const sources = [...sourceRanges.map((cidr) => cidr.text), ...(fromNode ? loadBalancerIPs : [])];
  return {
    name: `firewall/${service.key}`,
    rules: [...[...new Set(sources)].map((source) => `${ip} saddr ${source} return`), 'drop'],
  };
}

function hairpins({protocol}: ServicePort, {cluster, local}: Usable): string[] {
  const here = new Map([...cluster, ...local].filter((e) => e.local).map((e) => [e.id, e]));
  return [...here.values()].map(({ip, port}) => memberOf('hairpin', `${ip} . ${ip} . ${protocol} . ${port}`));
}
