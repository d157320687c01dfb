import type {Endpoint} from '../model/endpoint.ts';
import type {ServicePort, ServiceView} from '../model/services.ts';
import {flat} from '../model/shared.ts';
import type {Usable} from '../model/topology.ts';
import type {SharedChain} from './chains.ts';
import {type Fragment, type Frontend, none, type Pool, stableOrder} from './fragment.ts';

/** The endpoints of one service port; `before` only keeps them at their indexes. */
export function poolOf(
  {protocol, port}: ServicePort,
  {cluster, local}: Usable,
  before: Fragment | undefined,
): Pool {
  const last = before?.frontends.find(({pool}) => pool?.protocol === protocol && pool.port === port)?.pool;
  return {
    protocol,
    port,
    cluster: stableOrder(last?.cluster ?? none, cluster.map(target)),
    local: local.length === 0 ? none : stableOrder(last?.local ?? none, local.map(target)),
  };
}

function target({ip, port}: Endpoint): string {
  return flat(ip, ' . ', port);
}

/** How the ClusterIP is balanced; undefined where no endpoint may serve it. */
export function internalChain({internalLocal}: ServiceView, {cluster, local}: Pool): SharedChain | undefined {
  const policy = internalLocal ? 'local' : 'cluster';
  const count = internalLocal ? local.length : cluster.length;
  return count === 0 ? undefined : {do: 'balance', policy, count};
}

/** How all other addresses, and the node port, are balanced. */
export function externalChain({externalLocal}: ServiceView, {cluster, local}: Pool): SharedChain {
  return externalLocal
    ? {do: 'split', cluster: cluster.length, local: local.length}
    : {do: 'masquerade', count: cluster.length};
}

const [onlyCluster, onlyLocal, both] = [['cluster'], ['local'], ['cluster', 'local']] as const;

/** The maps that a chain looks into. */
export function policiesOf(shared: SharedChain): Frontend['policies'] {
  switch (shared.do) {
    case 'balance':
      return shared.policy === 'cluster' ? onlyCluster : onlyLocal;
    case 'masquerade':
      return onlyCluster;
    case 'split':
      return both;
  }
}
