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

/** Keys to values; a set's values are ''. */
export type Elements = ReadonlyMap<string, string>;

export type Table = {
  readonly family: Family;
  readonly name: string;
  readonly containers: ReadonlyMap<string, Container>;
  readonly chains: ReadonlyMap<string, Chain>;
  /** By container. */
  readonly elements: ReadonlyMap<string, Elements>;
};

/** What differs between two tables. */
export type Operation =
  | {readonly do: 'add-container'; readonly container: Container}
  | {readonly do: 'delete-container'; readonly container: Container}
  | {readonly do: 'add-chain'; readonly chain: Chain}
  /** Replaces the rules of a chain that exists. */
  | {readonly do: 'fill-chain'; readonly chain: Chain}
  | {readonly do: 'delete-chain'; readonly chain: Chain}
  | {readonly do: 'add-element'; readonly container: string; readonly key: string; readonly value: string}
  | {
      readonly do: 'delete-element';
      readonly container: string;
      readonly key: string;
      /** What it was. */
      readonly value: string;
    };

/** `ip` or `ip6`, the word that nft puts before a field or a table. */
export function ipWord(family: Family): 'ip' | 'ip6' {
  return family === 'IPv4' ? 'ip' : 'ip6';
}
