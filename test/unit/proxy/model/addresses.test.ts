import {describe, expect, it} from 'vitest';
import {cidrContains, parseAddress, parseCidr, scopeOf} from '../../../../src/lib/addresses.ts';

describe('addresses', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['010.001.0.08', '10.1.0.8'],
    ['10.0.0.256', undefined],
    ['10.0.0', undefined],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0:0::A', 'fd00::a'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
    ['1:2:3:4:5:6:7', undefined],
    ['1::2::3', undefined],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['12345::', undefined],
    ['nonsense', undefined],
    ['', undefined],
  ])('%j is %j', (text, canonical) => {
    expect(parseAddress(text)?.text).toBe(canonical);
  });

  it('CIDRs lose their host bits and contain what they should', () => {
    expect(parseCidr('10.1.2.3/8')?.text).toBe('10.0.0.0/8');
    expect(parseCidr('fd00::1:2/112')?.text).toBe('fd00::1:0/112');
    expect(parseCidr('10.0.0.0/33')).toBeUndefined();
    expect(parseCidr('10.0.0.0')).toBeUndefined();
    const within = (cidr: string, ip: string) => {
      const [c, a] = [parseCidr(cidr), parseAddress(ip)];
      return c !== undefined && a !== undefined && cidrContains(c, a);
    };
    expect(within('10.0.0.0/9', '10.127.0.1')).toBe(true);
    expect(within('10.0.0.0/9', '10.128.0.1')).toBe(false);
    expect(within('0.0.0.0/0', 'fd00::1')).toBe(false);
    expect(within('fd00::/65', 'fd00::7fff:0:0:1')).toBe(true);
    expect(within('fd00::/65', 'fd00::8000:0:0:1')).toBe(false);
  });

  it.each([
    ['127.8.8.8', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.0.1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['fec0::1', 'global'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['239.0.0.1', 'multicast'],
    ['ff02::1', 'multicast'],
    ['10.0.0.1', 'global'],
  ])('%s is %s', (text, scope) => {
    const address = parseAddress(text);
    expect(address && scopeOf(address)).toBe(scope);
  });
});
