import type {Endpoint} from '../model/endpoint.ts';
import type {Protocol} from '../model/services.ts';
import type {Usable} from '../model/topology.ts';
import {type ChainNames, markMasquerade} from './names.ts';

/** xt_comment takes 256 bytes; a quote or a line break in a name must not end the rule. */
export function comment(text: string): string {
  return `-m comment --comment "${text.replace(/[^\w .:;/>[\]-]/g, '?').slice(0, 240)}"`;
}

export function matchPort(protocol: Protocol, port: number): string {
  return `-m ${protocol} -p ${protocol} --dport ${port}`;
}

export function matchAddress(protocol: Protocol, address: string, port: number): string {
  return `-m ${protocol} -p ${protocol} -d ${address} --dport ${port}`;
}

type Options = {
  readonly text: string;
  readonly protocol: Protocol;
  readonly names: ChainNames;
  readonly usable: Usable;
  readonly affinitySeconds: number | undefined;
};

/** The rules that balance over the endpoints of each policy, and the chain of each endpoint. */
export function endpointRules(options: Options): {
  readonly cluster: readonly string[];
  readonly local: readonly string[];
  readonly endpoints: readonly [string, readonly string[]][];
} {
  const {usable, names} = options;
  const reachable = new Map([...usable.cluster, ...usable.local].map((endpoint) => [endpoint.id, endpoint]));
  const chainOf = new Map([...reachable.keys()].map((id) => [id, names.endpoint(id)]));
  const steps = (endpoints: readonly Endpoint[]) =>
    balance(
      endpoints.map(({id}) => ({id, chain: chainOf.get(id) ?? ''})),
      options,
    );
  return {
    cluster: steps(usable.cluster),
    local: steps(usable.local),
    endpoints: [...reachable.values()].map((endpoint) => {
      const chain = chainOf.get(endpoint.id) ?? '';
      return [chain, endpointChain(endpoint, chain, options)];
    }),
  };
}

/** A known client goes where it went before; another one to the first endpoint that chance takes. */
function balance(
  targets: readonly {readonly id: string; readonly chain: string}[],
  {text, affinitySeconds}: Options,
): string[] {
  const about = (id: string) => comment(`${text} -> ${id}`);
  const known =
    affinitySeconds === undefined
      ? []
      : targets.map(
          ({id, chain}) =>
            `${about(id)} -m recent --name ${chain} --rcheck --seconds ${affinitySeconds} --reap -j ${chain}`,
        );
  const any = targets.map(({id, chain}, i) => {
    const left = targets.length - i;
    const chance = left === 1 ? '' : ` -m statistic --mode random --probability ${probability(left)}`;
    return `${about(id)}${chance} -j ${chain}`;
  });
  return [...known, ...any];
}

/** 1/n in kube-proxy's ten digits. */
function probability(n: number): string {
  return (1 / n).toFixed(10);
}

function endpointChain(
  {id, ip}: Endpoint,
  chain: string,
  {text, protocol, affinitySeconds}: Options,
): string[] {
  const remember = affinitySeconds === undefined ? '' : ` -m recent --name ${chain} --set`;
  return [
    // An endpoint that reaches itself through its own Service would see its own address as the sender.
    `${comment(text)} -s ${ip} -j ${markMasquerade}`,
    `${comment(text)}${remember} -m ${protocol} -p ${protocol} -j DNAT --to-destination ${id}`,
  ];
}
