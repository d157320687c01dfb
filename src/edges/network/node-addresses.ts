import {isIP} from 'node:net';
import {networkInterfaces} from 'node:os';
import {NodectlError} from '../../lib/errors.ts';
import {readText} from '../files/files.ts';

/** An address of this network namespace. */
export type LocalAddress = {readonly device: string; readonly address: string; readonly family: 4 | 6};

/** Addresses that other machines can use: no loopback, no link-local. */
export function globalAddresses(): LocalAddress[] {
  return everyAddress().filter(({internal, address}) => !internal && !isLinkLocal(address));
}

/** All of them. A loopback device (`internal`) may have addresses of the whole network: those that BGP announces. */
export function everyAddress(): (LocalAddress & {readonly internal: boolean})[] {
  return Object.entries(networkInterfaces()).flatMap(([device, infos]) =>
    (infos ?? []).map(({address, family, internal}) => {
      return {device, address, family: family === 'IPv4' ? 4 : 6, internal};
    }),
  );
}

function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || /^fe[89ab]/i.test(address);
}

/** Devices of the default routes of a family, best metric first. */
export async function defaultRouteDevices(family: 4 | 6): Promise<string[]> {
  const table = await readText(family === 4 ? '/proc/self/net/route' : '/proc/self/net/ipv6_route');
  return family === 4 ? parseRoutes4(table ?? '') : parseRoutes6(table ?? '');
}

const routeIsUp = 0x1;
const routeHasGateway = 0x2;

/** Iface Destination Gateway Flags RefCnt Use Metric Mask …, all numbers but the metric in hexadecimal. */
export function parseRoutes4(table: string): string[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, , flags = '0', , , , mask]) => {
      const bits = Number.parseInt(flags, 16);
      return destination === '00000000' && mask === '00000000' && (bits & routeIsUp) !== 0;
    })
    .sort((a, b) => Number(a[6]) - Number(b[6]))
    .flatMap(([device]) => device ?? []);
}

/** destination length source length next-hop metric refcnt use flags device; the numbers in hexadecimal. */
export function parseRoutes6(table: string): string[] {
  const needed = routeIsUp | routeHasGateway;
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([destination, length, , , , , , , flags = '0']) => {
      const bits = Number.parseInt(flags, 16);
      return destination === '0'.repeat(32) && length === '00' && (bits & needed) === needed;
    })
    .sort((a, b) => Number.parseInt(a[5] ?? '0', 16) - Number.parseInt(b[5] ?? '0', 16))
    .flatMap((fields) => fields[9] ?? []);
}

const routeIsAdvertised = 0x4_0000;

/** Devices whose IPv6 default route the kernel has from a router's advertisement (RTF_ADDRCONF). */
export async function advertisedDevices(): Promise<string[]> {
  return parseAdvertised((await readText('/proc/self/net/ipv6_route')) ?? '');
}

export function parseAdvertised(table: string): string[] {
  const lines = table.split('\n').filter((line) => {
    const flags = line.trim().split(/\s+/)[8] ?? '0';
    return (Number.parseInt(flags, 16) & routeIsAdvertised) !== 0;
  });
  return [...new Set(parseRoutes6(lines.join('\n')))];
}

/** What a name resolves to; empty when that takes longer than `timeoutMs` or fails. */
export async function resolveName(name: string, timeoutMs: number): Promise<string[]> {
  const {promise: expired, resolve} = Promise.withResolvers<string[]>();
  const timer = setTimeout(() => resolve([]), timeoutMs);
  const {lookup} = await import('node:dns/promises');
  const found = lookup(name, {all: true}).then(
    (addresses) => addresses.map(({address}) => address),
    () => [],
  );
  try {
    return await Promise.race([found, expired]);
  } finally {
    clearTimeout(timer);
  }
}

export type AddressFacts = {
  readonly local: readonly LocalAddress[];
  readonly routes4: readonly string[];
  readonly routes6: readonly string[];
  /** What the node's name resolves to. */
  readonly resolved: readonly string[];
};

const lookupMs = 2_000;

/** Facts for choosing a node's addresses. A name is only looked up when nobody named the address. */
export async function readAddressFacts(nodeName: string, nodeIPs: readonly string[]): Promise<AddressFacts> {
  const named = nodeIPs.some((ip) => ip !== '0.0.0.0' && ip !== '::') || isIP(nodeName) !== 0;
  const [routes4, routes6, resolved] = await Promise.all([
    defaultRouteDevices(4),
    defaultRouteDevices(6),
    named ? [] : resolveName(nodeName, lookupMs),
  ]);
  return {local: globalAddresses(), routes4, routes6, resolved};
}

/**
 * The address at which other machines reach this one: IPv4 of the default route's device, else any.
 * @throws NodectlError ND805 when there is only loopback
 */
export async function primaryAddress(): Promise<string> {
  const local = globalAddresses();
  const [device] = await defaultRouteDevices(4);
  const preferred = local.find((found) => found.device === device && found.family === 4);
  const chosen = preferred ?? local.find(({family}) => family === 4) ?? local[0];
  if (chosen === undefined) throw new NodectlError('ND805', 'this machine has no address but loopback');
  return chosen.address;
}
