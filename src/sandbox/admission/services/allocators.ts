import type {Service} from '../../../lib/kubernetes.ts';
import {services} from '../../../lib/resources.ts';
import type {AdmissionOptions, Lookup} from '../types.ts';
import {type AddressRange, addressRange, addressText, type IpFamily, offsetIn} from './address-range.ts';

type Owner = {readonly namespace: string; readonly name: string};
export type NodePortClaim = {readonly protocol: string; readonly port: number};

const tries = 64;

/**
 * ClusterIPs and node ports. What is taken is remembered with its owner, and a claim counts only while the stored
 * Service still holds it: so nothing has to be given back, and a write that failed leaves nothing behind.
 */
export class Allocators {
  readonly ranges: readonly AddressRange[];
  readonly #ports: {readonly first: number; readonly last: number};
  readonly #random: () => number;
  readonly #owners = new Map<string, Owner>();
  #loaded = false;

  constructor(options: AdmissionOptions) {
    this.ranges = options.serviceCidrs.map(addressRange);
    this.#ports = options.nodePorts ?? {first: 30_000, last: 32_767};
    this.#random = options.random;
  }

  range(family: IpFamily): AddressRange | undefined {
    return this.ranges.find((range) => range.family === family);
  }

  portInRange(port: number): boolean {
    return port >= this.#ports.first && port <= this.#ports.last;
  }

  get portRangeText(): string {
    return `${this.#ports.first}-${this.#ports.last}`;
  }

  /** False when another Service holds it. */
  claimAddress(address: string, owner: Owner, lookup: Lookup): boolean {
    return this.#claim(address, owner, lookup, (service) => addressesOf(service).includes(address));
  }

  claimPort({protocol, port}: NodePortClaim, owner: Owner, lookup: Lookup): boolean {
    const key = `${protocol}/${port}`;
    return this.#claim(key, owner, lookup, (service) => portsOf(service).includes(key));
  }

  /**
   * A free address, out of the upper part of the range where there is one: the lower is left to those who ask for
   * a certain address, as Kubernetes does. Undefined when the range is full.
   */
  nextAddress(family: IpFamily, owner: Owner, lookup: Lookup): string | undefined {
    const range = this.range(family);
    if (range === undefined) return undefined;
    const last = range.family === 'IPv4' ? range.size - 2n : range.size - 1n;
    const offset = lowerPart(Number(range.size < 1n << 20n ? range.size : 1n << 20n), 16, 256, 16);
    const claim = (at: bigint) => {
      const address = addressText(range.base + at, family);
      return this.claimAddress(address, owner, lookup) ? address : undefined;
    };
    const span = Number(last > 1n << 24n ? 1n << 24n : last);
    for (let n = 0; n < tries; n++) {
      const found = claim(BigInt(offset + 1 + Math.floor(this.#random() * Math.max(1, span - offset))));
      if (found !== undefined) return found;
    }
    for (let at = 1; at <= span; at++) {
      const found = claim(BigInt(at));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A node port that is free for all the protocols asked for; undefined when there is none. */
  nextPort(protocols: readonly string[], owner: Owner, lookup: Lookup): number | undefined {
    const {first, last} = this.#ports;
    const count = last - first + 1;
    const reserved = lowerPart(count, 16, 128, 32);
    const claim = (port: number) =>
      protocols.every((protocol) => this.claimPort({protocol, port}, owner, lookup)) ? port : undefined;
    for (let n = 0; n < tries; n++) {
      const found = claim(first + reserved + Math.floor(this.#random() * (count - reserved)));
      if (found !== undefined) return found;
    }
    for (let port = first; port <= last; port++) {
      const found = claim(port);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #claim(key: string, owner: Owner, lookup: Lookup, holds: (service: Service) => boolean): boolean {
    this.#load(lookup);
    const known = this.#owners.get(key);
    if (known !== undefined && (known.namespace !== owner.namespace || known.name !== owner.name)) {
      const service = lookup.get(services, known.namespace, known.name);
      if (service !== undefined && holds(service)) return false;
    }
    this.#owners.set(key, owner);
    return true;
  }

  #load(lookup: Lookup): void {
    if (this.#loaded) return;
    this.#loaded = true;
    for (const service of lookup.list(services)) {
      const {namespace, name} = service.metadata;
      for (const key of [...addressesOf(service), ...portsOf(service)])
        this.#owners.set(key, {namespace, name});
    }
  }
}

export function isAddressIn(allocators: Allocators, family: IpFamily, address: string): boolean {
  const range = allocators.range(family);
  const offset = range === undefined ? undefined : offsetIn(range, address);
  if (range === undefined || offset === undefined || offset === 0n) return false;
  return range.family === 'IPv6' || offset < range.size - 1n;
}

/** KEP-3070 and KEP-3668: min(max(16, size/step), most) at the bottom is for static allocation. */
function lowerPart(size: number, least: number, most: number, step: number): number {
  if (size <= least) return 0;
  return Math.min(Math.max(least, Math.floor(size / step)), most);
}

function addressesOf(service: Service): string[] {
  return (service.spec.clusterIPs ?? []).filter((ip) => ip !== 'None' && ip !== '');
}

function portsOf(service: Service): string[] {
  return (service.spec.ports ?? [])
    .filter((p) => p.nodePort)
    .map((p) => `${p.protocol ?? 'TCP'}/${p.nodePort}`);
}
