import {networkInterfaces} from 'node:os';
import {beforeEach, describe, expect, it, vi} from 'vitest';
import {everyAddress, globalAddresses} from '../../../../src/edges/network/node-addresses.ts';
import {parseCidr} from '../../../../src/lib/addresses.ts';
import {nodeIPs, nodePortIPs, viewNode} from '../../../../src/proxy/model/node.ts';

vi.mock('node:os', async (original) => ({...(await original<object>()), networkInterfaces: vi.fn()}));

const of = (address: string, internal = false) => ({
  address,
  internal,
  family: 'IPv4' as const,
  netmask: '255.255.255.0',
  mac: '00:00:00:00:00:00',
  cidr: `${address}/24`,
});

describe('addresses of this machine', () => {
  beforeEach(() => {
    vi.mocked(networkInterfaces).mockReturnValue({
      lo: [of('127.0.0.1', true), of('10.1.1.1', true)],
      eth0: [of('192.168.0.2'), of('169.254.3.3')],
    });
  });

  it('that others can use are not those of a loopback device', () => {
    expect(globalAddresses().map(({address}) => address)).toEqual(['192.168.0.2']);
  });

  /** A router's own address, which BGP announces, is on the loopback device. */
  it('serve node ports wherever they are, but loopback ones, and answer health checks there too', () => {
    const view = viewNode('here', undefined, '');
    const among =
      (those: typeof nodeIPs) =>
      (...ranges: string[]) =>
        those(
          {kind: 'cidrs', cidrs: ranges.map(parseCidr).filter((cidr) => cidr !== undefined)},
          'IPv4',
          view,
          everyAddress().map(({address}) => address),
        );
    const [served, checked] = [among(nodePortIPs), among(nodeIPs)];
    expect(served('10.0.0.0/8')).toEqual(['10.1.1.1']);
    expect(served('169.254.0.0/16', '192.168.0.0/16')).toEqual(['169.254.3.3', '192.168.0.2']);
    expect(served('127.0.0.0/8')).toEqual([]);
    expect(checked('127.0.0.0/8', '192.168.0.0/16')).toEqual(['127.0.0.1', '192.168.0.2']);
  });
});
