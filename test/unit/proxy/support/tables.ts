import type {Family} from '../../../../src/lib/addresses.ts';
import {FamilyTable, type FamilyTableOptions} from '../../../../src/proxy/table/family-table.ts';
import type {Chain, Container, Table} from '../../../../src/proxy/table/table.ts';

export function familyTable(family: Family, options: Partial<FamilyTableOptions> = {}): FamilyTable {
  return new FamilyTable({
    family,
    name: 'nodectl-proxy',
    masqueradeMark: 0x4000,
    masqueradeAll: false,
    allowExternalIPs: true,
    pods: {by: 'cidr', cidr: family === 'IPv4' ? '10.0.0.0/8' : 'fd00::/64'},
    refuse: () => undefined,
    onBroken: (key, error) => {
      throw new Error(key, {cause: error});
    },
    ...options,
  });
}

/** A whole table that can be looked into. */
export type Rendered = {
  readonly family: Family;
  readonly name: string;
  readonly containers: ReadonlyMap<string, Container>;
  readonly chains: ReadonlyMap<string, Chain>;
  /** By container, keys to values. */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
};

export function rendered(table: Table): Rendered {
  const elements = new Map<string, Map<string, string>>();
  for (const {container, key, value} of [...table.elements()].flat()) {
    const known = elements.get(container) ?? new Map<string, string>();
    if (value !== '' && known.has(key)) throw new Error(`two elements ${container} ${key}`);
    elements.set(container, known.set(key, value));
  }
  return {
    family: table.family,
    name: table.name,
    containers: new Map([...table.containers()].map((container) => [container.name, container])),
    chains: new Map([...table.chains()].map((chain) => [chain.name, chain])),
    elements,
  };
}
