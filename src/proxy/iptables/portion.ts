import {portKey} from '../model/endpoint.ts';
import {type EndpointsByPort, inOrder} from '../model/endpoints.ts';
import type {ServiceView} from '../model/services.ts';
import {type Topology, usableFor} from '../model/topology.ts';
import {type Claim, claimsOf} from './claims.ts';
import {lookAtPort} from './one-port.ts';
import {type ChainsContext, chainsOf} from './service-chains.ts';

/** Everything that one Service puts into the tables of one family. */
export type Portion = {
  readonly claims: readonly Claim[];
  /** The Service's own chains, all in the nat table. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly endpoints: number;
  /** Service ports with a Local policy and endpoints on other nodes only. */
  readonly withoutLocal: {readonly internal: number; readonly external: number};
};

export type PortionContext = ChainsContext & {readonly topology: Topology};

/** What a Service puts into the tables, rule by rule as kube-proxy 1.36 has it (pkg/proxy/iptables). Pure. */
export function portionOf(
  service: ServiceView,
  healthPort: number,
  endpoints: EndpointsByPort,
  context: PortionContext,
): Portion {
  const claims = new Map<string, Claim>();
  const chains = new Map<string, readonly string[]>();
  const withoutLocal = {internal: 0, external: 0};
  let count = 0;
  for (const port of service.ports) {
    const known = inOrder(endpoints.get(portKey(port.protocol, port.name)) ?? []);
    const one = lookAtPort(service, port, usableFor(service, port, known, context.topology));
    count += known.length;
    // An address can be listed twice, as a load balancer's and as an external one: the first use counts.
    for (const claim of claimsOf(one, healthPort)) if (!claims.has(claim.key)) claims.set(claim.key, claim);
    for (const [name, rules] of chainsOf(one, context)) chains.set(name, rules);
    if (one.usable.any && !one.hasInternal) withoutLocal.internal++;
    if (one.usable.any && !one.hasExternal) withoutLocal.external++;
  }
  return {claims: [...claims.values()], chains, endpoints: count, withoutLocal};
}
