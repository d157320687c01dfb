/** IP addresses and CIDRs as pure data, in the forms that Go prints and accepts (netutils.ParseIPSloppy). */
export type Family = 'IPv4' | 'IPv6';
const [dot, zero, nine] = [46, 48, 57] as const;

export type Address = {readonly family: Family; readonly text: string; readonly bytes: readonly number[]};
export type Cidr = {
  readonly family: Family;
  readonly text: string;
  readonly bytes: readonly number[];
  readonly bits: number;
};

/** Leading zeros are decimal (Kubernetes keeps accepting them); an IPv4-mapped IPv6 address is IPv4, as in Go. */
export function parseAddress(text: string): Address | undefined {
  const bytes = text.includes(':') ? bytesOfIPv6(text) : bytesOfIPv4(text);
  if (bytes === undefined) return undefined;
  const mapped = bytes.length === 16 && bytes.slice(0, 10).every((b) => b === 0) && bytes[10] === 255;
  if (mapped && bytes[11] === 255) return addressOf(bytes.slice(12));
  return addressOf(bytes);
}

function addressOf(bytes: readonly number[]): Address {
  return bytes.length === 4
    ? {family: 'IPv4', text: bytes.join('.'), bytes}
    : {family: 'IPv6', text: printIPv6(bytes), bytes};
}

/** A CIDR with its host bits cleared. */
export function parseCidr(text: string): Cidr | undefined {
  const [head = '', length = '', ...rest] = text.split('/');
  const address = parseAddress(head);
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (address === undefined || rest.length > 0 || !(bits <= address.bytes.length * 8)) return undefined;
  const network = addressOf(address.bytes.map((byte, i) => byte & maskOf(bits - i * 8)));
  return {...network, text: `${network.text}/${bits}`, bits};
}

export function cidrContains(cidr: Cidr, address: Address): boolean {
  return (
    cidr.family === address.family &&
    cidr.bytes.every((byte, i) => byte === ((address.bytes[i] ?? 0) & maskOf(cidr.bits - i * 8)))
  );
}

/** `host:port`, with brackets around an IPv6 host. */
export function joinHostPort(host: string, port: number | string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export type Scope = 'global' | 'unspecified' | 'loopback' | 'link-local' | 'multicast';

export function scopeOf({family, bytes}: Address): Scope {
  const [a = 0, b = 0] = bytes;
  if (bytes.every((byte) => byte === 0)) return 'unspecified';
  if (family === 'IPv4') {
    if (a === 127) return 'loopback';
    if (a === 169 && b === 254) return 'link-local';
    return a >= 224 && a < 240 ? 'multicast' : 'global';
  }
  if (bytes.every((byte, i) => byte === (i === 15 ? 1 : 0))) return 'loopback';
  if (a === 0xfe && (b & 0xc0) === 0x80) return 'link-local';
  return a === 0xff ? 'multicast' : 'global';
}

function maskOf(bits: number): number {
  return bits >= 8 ? 255 : bits <= 0 ? 0 : (255 << (8 - bits)) & 255;
}

/** Digit by digit: the proxy reads each endpoint's address again with each change of its Service. */
function bytesOfIPv4(text: string): number[] | undefined {
  const bytes: number[] = [];
  let byte: number | undefined;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === dot && byte !== undefined) {
      bytes.push(byte);
      byte = undefined;
      continue;
    }
    if (code < zero || code > nine) return undefined;
    byte = (byte ?? 0) * 10 + code - zero;
    if (byte > 255) return undefined;
  }
  if (byte === undefined || bytes.length !== 3) return undefined;
  bytes.push(byte);
  return bytes;
}

function bytesOfIPv6(text: string): number[] | undefined {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const front = groups(head, tail === undefined);
  const back = tail === undefined ? [] : groups(tail, true);
  if (front === undefined || back === undefined) return undefined;
  const missing = 16 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...front, ...new Array<number>(missing).fill(0), ...back];
}

/** Bytes of colon-separated groups; the last may be dotted IPv4 where the text ends. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const dotted = last && i === parts.length - 1 && part.includes('.') ? bytesOfIPv4(part) : undefined;
    if (dotted !== undefined) bytes.push(...dotted);
    else if (/^[0-9a-f]{1,4}$/i.test(part))
      bytes.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255);
    else return undefined;
  }
  return bytes;
}

/** RFC 5952: lower case, the first longest run of two or more zero groups is `::`. */
function printIPv6(bytes: readonly number[]): string {
  const words = Array.from({length: 8}, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  const best = longestZeros(words);
  if (best.length < 2) return words.join(':');
  return `${words.slice(0, best.at).join(':')}::${words.slice(best.at + best.length).join(':')}`;
}

function longestZeros(words: readonly string[]): {at: number; length: number} {
  let best = {at: 0, length: 0};
  for (let at = 0; at < words.length; at++) {
    let length = 0;
    while (words[at + length] === '0') length++;
    if (length > best.length) best = {at, length};
  }
  return best;
}
