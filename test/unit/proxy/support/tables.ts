import type {Family} from '../../../../src/lib/addresses.ts';
import {FamilyTable, type FamilyTableOptions} from '../../../../src/proxy/table/family-table.ts';

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
