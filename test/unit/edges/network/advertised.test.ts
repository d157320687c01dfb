import {expect, it} from 'vitest';
import {parseAdvertised} from '../../../../src/edges/network/node-addresses.ts';

const none = '0'.repeat(32);
const line = (destination: string, flags: string, device: string): string =>
  `${destination} 00 ${none} 00 fe80000000000000106944fffe9c1698 00000400 00000001 00000000 ${flags}       ${device}`;

it('tells which devices have their default route from an advertisement that the kernel has read', () => {
  const table = [
    line(none, '00450003', 'eth0'),
    line(none, '00450003', 'eth0'),
    // By hand, or by a program that reads advertisements itself.
    line(none, '00000003', 'eth1'),
    line('fd770000000000000000000000000000', '00450003', 'eth2'),
    line(none, '00200200', 'lo'),
  ];
  expect(parseAdvertised(table.join('\n'))).toEqual(['eth0']);
  expect(parseAdvertised('')).toEqual([]);
});
