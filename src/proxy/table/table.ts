import type {Family} from '../../lib/addresses.ts';

/**
 * The desired nftables table of one family as plain data. Rules, keys and values are nft's own text, one statement
 * each, so that a rendered table can be read beside `nft list table`.
 */
export type Chain = {
  readonly name: string;
  readonly rules: readonly string[];
  /** `type nat hook prerouting priority -100`; only base chains have one. */
  readonly hook?: string;
};

export type Container = {
  readonly name: string;
  readonly kind: 'set' | 'map';
  /** `type ipv4_addr` and flags, one statement each. */
  readonly declaration: readonly string[];
  /** Filled by packets rather than by us: session affinity. */
  readonly dynamic?: boolean;
};

/** A set's values are ''. */
export type Element = {readonly container: string; readonly key: string; readonly value: string};

/** A whole table. It may be large: it is never held as such. */
export type Table = {
  readonly family: Family;
  readonly name: string;
  containers(): Iterable<Container>;
  chains(): Iterable<Chain>;
  /** What belongs together: either all of it serves or none. One that several parts have in common comes with each. */
  elements(): Iterable<readonly Element[]>;
};

/** What differs between two tables. */
export type Operation =
  | {readonly do: 'add-container'; readonly container: Container}
  | {readonly do: 'delete-container'; readonly container: Container}
  | {readonly do: 'add-chain'; readonly chain: Chain}
  /** Replaces the rules of a chain that exists. */
  | {readonly do: 'fill-chain'; readonly chain: Chain}
  | {readonly do: 'delete-chain'; readonly chain: Chain}
  | ({readonly do: 'add-element'} & Element)
  /** With the value that it had. */
  | ({readonly do: 'delete-element'} & Element);

/** `ip` or `ip6`, the word that nft puts before a field or a table. */
export function ipWord(family: Family): 'ip' | 'ip6' {
  return family === 'IPv4' ? 'ip' : 'ip6';
}
