import type {EndpointSlice, Namespace, Service} from '../../lib/kubernetes.ts';

/** One address of a headless Service, under its own name. */
export type Host = {
  readonly address: string;
  /** Its hostname, or its address with dashes. */
  readonly label: string;
  readonly ports: readonly {readonly name: string; readonly port: number; readonly protocol: string}[];
};

/** What the answers are made from. */
export type View = {
  readonly zone: string;
  hasNamespace(name: string): boolean;
  service(namespace: string, name: string): Service | undefined;
  /** Ready endpoints, sorted by address. */
  hosts(namespace: string, name: string): Host[];
  servicesAt(address: string): Service[];
  hostsAt(address: string): {readonly host: Host; readonly service: Service}[];
};

const serviceLabel = 'kubernetes.io/service-name';

/** Services and endpoints by name and by address, kept current by the events of reflectors. */
export class Records implements View {
  readonly zone: string;
  readonly #namespaces = new Set<string>();
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, Map<string, EndpointSlice>>();
  readonly #serviceKeysByAddress = new Map<string, Set<string>>();
  readonly #sliceKeysByAddress = new Map<string, Map<string, number>>();

  constructor(zone: string) {
    this.zone = zone;
  }

  changeNamespace(now: Namespace | undefined, before: Namespace | undefined): void {
    if (before !== undefined) this.#namespaces.delete(before.metadata.name);
    if (now !== undefined) this.#namespaces.add(now.metadata.name);
  }

  changeService(now: Service | undefined, before: Service | undefined): void {
    for (const service of [before, now]) {
      if (service === undefined) continue;
      const key = keyOf(service.metadata);
      if (service === now) this.#services.set(key, service);
      else this.#services.delete(key);
      for (const ip of addressesOf(service)) {
        const keys = this.#serviceKeysByAddress.get(ip) ?? new Set<string>();
        if (service === now) keys.add(key);
        else keys.delete(key);
        if (keys.size === 0) this.#serviceKeysByAddress.delete(ip);
        else this.#serviceKeysByAddress.set(ip, keys);
      }
    }
  }

  changeSlice(now: EndpointSlice | undefined, before: EndpointSlice | undefined): void {
    if (before !== undefined) this.#count(before, -1);
    if (now !== undefined) this.#count(now, 1);
  }

  hasNamespace(name: string): boolean {
    return this.#namespaces.has(name);
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#services.get(`${namespace}/${name}`);
  }

  hosts(namespace: string, name: string): Host[] {
    const slices = this.#slices.get(`${namespace}/${name}`)?.values() ?? [];
    const hosts = new Map<string, Host>();
    for (const host of [...slices].flatMap(hostsOf)) {
      const key = `${host.address} ${host.label}`;
      const ports = [...(hosts.get(key)?.ports ?? []), ...host.ports];
      hosts.set(key, {...host, ports});
    }
    return [...hosts.values()].sort((a, b) => a.address.localeCompare(b.address));
  }

  servicesAt(address: string): Service[] {
    return this.#found(this.#serviceKeysByAddress.get(address) ?? []);
  }

  hostsAt(address: string): {host: Host; service: Service}[] {
    const services = this.#found(this.#sliceKeysByAddress.get(address)?.keys() ?? []);
    return services.flatMap((service) =>
      this.hosts(service.metadata.namespace, service.metadata.name)
        .filter((host) => host.address === address)
        .map((host) => ({host, service})),
    );
  }

  #found(keys: Iterable<string>): Service[] {
    return [...keys].flatMap((key) => this.#services.get(key) ?? []);
  }

  #count(slice: EndpointSlice, by: 1 | -1): void {
    const service = slice.metadata.labels?.[serviceLabel];
    if (service === undefined) return;
    const key = `${slice.metadata.namespace}/${service}`;
    const slices = this.#slices.get(key) ?? new Map<string, EndpointSlice>();
    if (by === 1) slices.set(slice.metadata.name, slice);
    else slices.delete(slice.metadata.name);
    if (slices.size === 0) this.#slices.delete(key);
    else this.#slices.set(key, slices);
    for (const endpoint of slice.endpoints ?? [])
      for (const address of endpoint.addresses) {
        const counts = this.#sliceKeysByAddress.get(address) ?? new Map<string, number>();
        const count = (counts.get(key) ?? 0) + by;
        if (count > 0) counts.set(key, count);
        else counts.delete(key);
        if (counts.size === 0) this.#sliceKeysByAddress.delete(address);
        else this.#sliceKeysByAddress.set(address, counts);
      }
  }
}

const keyOf = ({namespace, name}: {namespace?: string; name: string}) => `${namespace}/${name}`;

const addressesOf = ({spec}: Service) => (spec.clusterIPs ?? []).filter((ip) => ip !== 'None' && ip !== '');

/** `ready` absent means ready (discovery/v1). */
function hostsOf(slice: EndpointSlice): Host[] {
  const ports = (slice.ports ?? []).flatMap(({name = '', port, protocol = 'TCP'}) =>
    port === undefined ? [] : [{name, port, protocol}],
  );
  return (slice.endpoints ?? [])
    .filter((endpoint) => endpoint.conditions?.ready !== false)
    .flatMap((endpoint) =>
      endpoint.addresses.map((address) => ({address, label: endpoint.hostname ?? dashed(address), ports})),
    );
}

/** `10.1.2.3` as `10-1-2-3`. */
export const dashed = (address: string): string => address.replace(/[.:]/g, '-');
