import type {Protocol} from '../model/services.ts';
import type {Chain} from './table.ts';

/** A virtual address or a node port: what tells which map holds the endpoints. */
export type FrontendKind = 'service' | 'nodeport';

export type ChainContext = {
  readonly ip: 'ip' | 'ip6';
  /** Matches traffic of this node's pods (`ip saddr 10.244.1.0/24`); undefined when that cannot be told. */
  readonly fromPod: string | undefined;
  readonly mark: string;
};

export type SharedChain =
  /** Balances over `count` endpoints of one map. */
  | {readonly do: 'balance'; readonly policy: 'cluster' | 'local'; readonly count: number}
  /** externalTrafficPolicy Cluster: the endpoint may be on another node, so answers must come back through this one. */
  | {readonly do: 'masquerade'; readonly count: number}
  /** externalTrafficPolicy Local with its short circuit. */
  | {readonly do: 'split'; readonly cluster: number; readonly local: number};

export function endpointMap(kind: FrontendKind, policy: 'cluster' | 'local', protocol: Protocol): string {
  return `${kind}-${policy}-${protocol}`;
}

/** The chain and those that it goes to, and how one gets there. */
export type Use = {readonly chains: readonly Chain[]; readonly verdict: string};

/**
 * Chains that all Services share: one per number of endpoints, not one per Service. A chain's name says everything
 * that its rules depend on, so a chain with a name never changes.
 */
export class SharedChains {
  readonly #context: ChainContext;
  readonly #known = new Map<string, Use>();

  constructor(context: ChainContext) {
    this.#context = context;
  }

  /** The same for everybody who asks for the same: ten thousand Services share a few of these. */
  get(kind: FrontendKind, protocol: Protocol, shared: SharedChain): Use {
    const name = this.#name(kind, protocol, shared);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const others = targets(shared).flatMap((target) => this.get(kind, protocol, target).chains);
    const chain = {name, rules: this.#rules(kind, protocol, shared)};
    const use: Use = {chains: [chain, ...others], verdict: `goto ${name}`};
    this.#known.set(name, use);
    return use;
  }

  #name(kind: FrontendKind, protocol: Protocol, shared: SharedChain): string {
    switch (shared.do) {
      case 'balance':
        return `${kind}-${shared.policy}-${protocol}-${shared.count}`;
      case 'masquerade':
        return `${kind}-masquerade-${protocol}-${shared.count}`;
      case 'split':
        return `${kind}-split-${protocol}-${shared.cluster}-${shared.local}`;
    }
  }

  #rules(kind: FrontendKind, protocol: Protocol, shared: SharedChain): readonly string[] {
    const {ip, mark} = this.#context;
    const name = (target: SharedChain) => this.#name(kind, protocol, target);
    switch (shared.do) {
      case 'balance': {
        const frontend = kind === 'service' ? `${ip} daddr . ${protocol} dport` : `${protocol} dport`;
        const map = endpointMap(kind, shared.policy, protocol);
        return [`dnat ${ip} to ${frontend} . numgen random mod ${shared.count} map @${map}`];
      }
      case 'masquerade':
        return [mark, `goto ${name({do: 'balance', policy: 'cluster', count: shared.count})}`];
      case 'split':
        return splitRules(
          this.#context,
          name({do: 'balance', policy: 'cluster', count: shared.cluster}),
          shared.local === 0 ? undefined : name({do: 'balance', policy: 'local', count: shared.local}),
        );
    }
  }
}

/**
 * externalTrafficPolicy Local: this node's pods and the host itself reach any endpoint, as if their packets had gone
 * out to a load balancer and come back; packets from outside only reach local endpoints, their source unchanged.
 */
export function splitRules(
  context: ChainContext,
  cluster: string,
  local: string | undefined,
): readonly string[] {
  return [
    ...(context.fromPod === undefined ? [] : [`${context.fromPod} goto ${cluster}`]),
    `fib saddr type local ${context.mark} goto ${cluster}`,
    local === undefined ? 'drop' : `goto ${local}`,
  ];
}

function targets(shared: SharedChain): readonly SharedChain[] {
  switch (shared.do) {
    case 'balance':
      return [];
    case 'masquerade':
      return [{do: 'balance', policy: 'cluster', count: shared.count}];
    case 'split':
      return [
        {do: 'balance', policy: 'cluster', count: shared.cluster},
        ...(shared.local === 0 ? [] : [{do: 'balance', policy: 'local', count: shared.local} as const]),
      ];
  }
}
