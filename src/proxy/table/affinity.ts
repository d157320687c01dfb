import type {Endpoint} from '../model/endpoint.ts';
import type {Protocol} from '../model/services.ts';
import type {Usable} from '../model/topology.ts';
import {type ChainContext, splitRules} from './chains.ts';
import type {Chain, Container} from './table.ts';

type Options = {
  /** `namespace/name/tcp/80` */
  readonly id: string;
  readonly protocol: Protocol;
  readonly seconds: number;
  readonly usable: Usable;
  readonly external: boolean;
  readonly externalLocal: boolean;
  readonly context: ChainContext;
};

export type AffinityChains = {
  readonly chains: readonly Chain[];
  readonly containers: readonly Container[];
  /** Names of the chains for each kind of traffic; undefined where it has no endpoint. */
  readonly cluster: string | undefined;
  readonly local: string | undefined;
  readonly external: string | undefined;
};

/**
 * sessionAffinity ClientIP: a set of clients for each endpoint, filled by the packets themselves. The timeout is the
 * rule's and not the set's, so that a changed timeoutSeconds keeps who is known.
 */
export function affinityChains(options: Options): AffinityChains {
  const {id, usable, context} = options;
  const endpoints = new Map([...usable.cluster, ...usable.local].map((endpoint) => [endpoint.id, endpoint]));
  const cluster = choose(`affinity-cluster/${id}`, usable.cluster, options);
  const local = choose(`affinity-local/${id}`, usable.local, options);
  const external = cluster && options.external ? externalChain(options, cluster, local) : undefined;
  return {
    chains: [
      ...[...endpoints.values()].map((endpoint) => endpointChain(endpoint, options)),
      ...[cluster, local, external].filter((chain) => chain !== undefined),
    ],
    containers: [...endpoints.values()].map((endpoint) => ({
      kind: 'set',
      name: clientSet(id, endpoint),
      declaration: [`type ${context.ip === 'ip' ? 'ipv4_addr' : 'ipv6_addr'}`, 'flags dynamic,timeout'],
      dynamic: true,
    })),
    cluster: cluster?.name,
    local: local?.name,
    external: external?.name,
  };
}

function externalChain(
  {id, externalLocal, context}: Options,
  cluster: Chain,
  local: Chain | undefined,
): Chain {
  const name = `affinity-external/${id}`;
  if (externalLocal) return {name, rules: splitRules(context, cluster.name, local?.name)};
  return {name, rules: [context.mark, `goto ${cluster.name}`]};
}

/** A known client goes where it went before, another one anywhere. */
function choose(name: string, endpoints: readonly Endpoint[], {id, context}: Options): Chain | undefined {
  if (endpoints.length === 0) return undefined;
  const verdicts = endpoints.map((endpoint, i) => `${i} : goto ${chainName(id, endpoint)}`);
  return {
    name,
    rules: [
      ...endpoints.map((e) => `${context.ip} saddr @${clientSet(id, e)} goto ${chainName(id, e)}`),
      `numgen random mod ${endpoints.length} vmap { ${verdicts.join(', ')} }`,
    ],
  };
}

function endpointChain(endpoint: Endpoint, {id, protocol, seconds, context}: Options): Chain {
  return {
    name: chainName(id, endpoint),
    rules: [
      `update @${clientSet(id, endpoint)} { ${context.ip} saddr timeout ${seconds}s }`,
      `meta l4proto ${protocol} dnat ${context.ip} to ${endpoint.id}`,
    ],
  };
}

/** Colons are not allowed in nft's names. */
function suffix({ip, port}: Endpoint): string {
  return `${ip.replaceAll(':', '.')}/${port}`;
}

function chainName(id: string, endpoint: Endpoint): string {
  return `endpoint/${id}/${suffix(endpoint)}`;
}

function clientSet(id: string, endpoint: Endpoint): string {
  return `clients/${id}/${suffix(endpoint)}`;
}
