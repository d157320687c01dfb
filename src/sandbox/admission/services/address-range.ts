export type IpFamily = 'IPv4' | 'IPv6';
export type AddressRange = {readonly family: IpFamily; readonly base: bigint; readonly size: bigint};

/** `10.96.0.0/12` or `fd00::/108` as numbers. */
export function addressRange(cidr: string): AddressRange {
  const [address = '', length = ''] = cidr.split('/');
  const family = familyOf(address) ?? 'IPv4';
  const bits = family === 'IPv4' ? 32n : 128n;
  const size = 1n << (bits - BigInt(length));
  const value = addressNumber(address) ?? 0n;
  return {family, base: value - (value % size), size};
}

export function familyOf(address: string): IpFamily | undefined {
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(address))
    return address.split('.').every((o) => Number(o) < 256) ? 'IPv4' : undefined;
  return URL.canParse(`http://[${address}]/`) ? 'IPv6' : undefined;
}

export function addressNumber(address: string): bigint | undefined {
  const family = familyOf(address);
  if (family === undefined) return undefined;
  if (family === 'IPv4') return address.split('.').reduce((sum, octet) => (sum << 8n) + BigInt(octet), 0n);
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({length: 8 - left.length - right.length}, () => 0);
  return [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) + BigInt(group), 0n);
}

export function addressText(value: bigint, family: IpFamily): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const parts = Array.from({length: 8}, (_, at) => ((value >> BigInt(112 - at * 16)) & 0xffffn).toString(16));
  return new URL(`http://[${parts.join(':')}]/`).hostname.slice(1, -1);
}

/** Whether an address lies in a range; its number inside it, else undefined. */
export function offsetIn(range: AddressRange, address: string): bigint | undefined {
  if (familyOf(address) !== range.family) return undefined;
  const offset = (addressNumber(address) ?? -1n) - range.base;
  return offset >= 0n && offset < range.size ? offset : undefined;
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
