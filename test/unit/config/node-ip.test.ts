import {describe, expect, it} from 'vitest';
import {type AddressSight, chooseNodeIp} from '../../../src/config/machine/node-ip.ts';

const local = [
  {device: 'eth0', address: '10.0.2.15', family: 4},
  {device: 'docker0', address: '172.17.0.1', family: 4},
  {device: 'eth1', address: '192.168.56.11', family: 4},
  {device: 'eth1', address: 'fd00::11', family: 6},
] as const;
const sight: AddressSight = {local, routeSource: '192.168.56.11', current: undefined};
const nat: AddressSight = {...sight, routeSource: '10.0.2.15'};

describe('the node’s address', () => {
  it.each<[string, string, AddressSight, string | undefined]>([
    ['is that of the route', 'auto', sight, '192.168.56.11'],
    ['is never the shared NAT address when there is another', 'auto', nat, '192.168.56.11'],
    ['is the NAT address when there is no other', 'auto', {...nat, local: local.slice(0, 2)}, '10.0.2.15'],
    [
      'is no container bridge',
      'auto',
      {...sight, routeSource: '172.17.0.1', local: local.slice(1)},
      '192.168.56.11',
    ],
    ['is not loopback', 'auto', {...sight, routeSource: '127.0.0.1'}, '192.168.56.11'],
    [
      'stays while the machine has it',
      'auto',
      {...sight, routeSource: '10.9.9.9', current: '192.168.56.11'},
      '192.168.56.11',
    ],
    ['changes when the machine has lost it', 'auto', {...sight, current: '192.168.56.99'}, '192.168.56.11'],
    ['may be the NAT address by word', '10.0.2.15', sight, '10.0.2.15'],
    ['is of a range', '192.168.0.0/16', nat, '192.168.56.11'],
    ['is of an interface, IPv4 first', 'eth1', nat, '192.168.56.11'],
    ['may be a pair', 'eth1,fd00::/64', nat, '192.168.56.11,fd00::11'],
    ['must be this machine’s', '192.168.56.12', sight, undefined],
    ['must be of an interface that is there', 'eth7', sight, undefined],
  ])('%s', (_, wish, seen, expected) => {
    expect(chooseNodeIp(wish, seen).nodeIp).toBe(expected);
  });
  it('comes with reasons for all', () => {
    const {table} = chooseNodeIp('auto', nat);
    expect(table.filter(({chosen}) => chosen).map(({device}) => device)).toEqual(['eth1']);
    expect(table[0]?.reason).toContain('NAT');
    expect(table[1]?.reason).toContain('container');
  });
});
