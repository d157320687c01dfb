import type {Protocol} from '../model/services.ts';
import {flat} from '../model/shared.ts';
import type {FrontendKind} from './chains.ts';
import type {Chain, Container} from './table.ts';

/** The endpoints that one service port balances over, in the order of their indexes: `ip . port`. */
export type Pool = {
  readonly protocol: Protocol;
  /** The Service's. */
  readonly port: number;
  readonly cluster: readonly string[];
  readonly local: readonly string[];
};

/** One virtual address with protocol and port, or one node port, and what happens to packets for it. */
export type Frontend = {
  /** The Service, `namespace/name`. */
  readonly owner: string;
  readonly kind: FrontendKind;
  readonly protocol: Protocol;
  /** `10.96.0.1` or '' */
  readonly address: string;
  readonly port: number;
  /** Where two Services claim one frontend the lower rank wins: nobody takes a ClusterIP over with an externalIP. */
  readonly rank: number;
  /** NAT: `goto …` or `drop`; undefined where nothing is balanced. */
  readonly verdict: string | undefined;
  /** Filter: the verdict of a frontend without endpoints. */
  readonly refusal: string | undefined;
  /** Before NAT: the chain that checks the source. */
  readonly firewall: string | undefined;
  /** Endpoints found through the shared maps; undefined where a chain of the Service's own holds them. */
  readonly pool: Pool | undefined;
  readonly policies: readonly ('cluster' | 'local')[];
};

/** Everything that one Service puts into the table of one family. */
export type Fragment = {
  readonly frontends: readonly Frontend[];
  /** Shared chains that are used and chains of the Service's own; a chain comes before those that go to it. */
  readonly chains: readonly Chain[];
  /** Session affinity. */
  readonly containers: readonly Container[];
  /** Elements that several Services may have in common, as `memberOf` writes them. */
  readonly members: readonly string[];
  /** Service ports with a Local policy and endpoints on other nodes only. */
  readonly withoutLocal: {readonly internal: number; readonly external: number};
};

/** What nothing is in: ten thousand Services share one. */
export const none: readonly never[] = [];

/** One text rather than an object for each: `container key`. A container's name has no space in it. */
export function memberOf(container: string, key: string): string {
  return flat(container, ' ', key);
}

export function readMember(text: string): {readonly container: string; readonly key: string} {
  const at = text.indexOf(' ');
  return {container: text.slice(0, at), key: text.slice(at + 1)};
}

export const emptyFragment: Fragment = {
  frontends: none,
  chains: none,
  containers: none,
  members: none,
  withoutLocal: {internal: 0, external: 0},
};

/** `10.96.0.1 . tcp . 80` or `tcp . 30080`. */
export function frontendKey({kind, address, protocol, port}: Frontend): string {
  return kind === 'service' ? flat(address, ' . ', protocol, ' . ', port) : flat(protocol, ' . ', port);
}

/**
 * Keeps every endpoint that stays at its index: new ones take the places of those that left, and the last ones move
 * into the holes that remain. One endpoint more or less is one or two elements in the kernel, whatever their number.
 */
export function stableOrder(before: readonly string[], now: readonly string[]): readonly string[] {
  if (before.length === 0) return [...now].sort();
  const wanted = new Set(now);
  const known = new Set(before);
  const fresh = now.filter((item) => !known.has(item)).sort();
  fresh.reverse();
  const kept = before.map((item) => (wanted.has(item) ? item : fresh.pop()));
  const order = [...kept, ...fresh.reverse()];
  const result: string[] = [];
  for (let i = 0; i < order.length; i++) {
    let item = order[i];
    while (item === undefined && order.length > i + 1) item = order.pop();
    if (item !== undefined) result.push(item);
  }
  return result;
}
