import {isIPv6} from 'node:net';

/** The first address of a range, which Kubernetes gives to the `kubernetes` Service. IPv4 and IPv6. */
export function firstAddress(cidr: string): string {
  const base = cidr.split('/')[0] ?? cidr;
  if (isIPv6(base)) return base.endsWith('::') ? `${base}1` : base;
  const value = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** A host as it stands in a URL. */
export function urlHost(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}
