import type {EndpointSlice, Service} from '../../../../src/lib/kubernetes.ts';
import type {ServiceSource} from '../../../../src/proxy/table/family-table.ts';
import {type EndpointText, service, slice} from './objects.ts';

/** mulberry32: a small generator, so that a failing seed can be run again. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A cluster of a few Services that change at random, wildly enough to meet every kind of rule and conflict. */
export class RandomCluster {
  readonly #random: () => number;
  readonly #size: number;
  readonly services = new Map<string, Service>();
  readonly slices = new Map<string, EndpointSlice[]>();

  constructor(seed: number, size: number) {
    this.#random = randomFrom(seed);
    this.#size = size;
  }

  /** Changes one Service or its slices; answers with its key. */
  edit(): string {
    const n = this.#int(this.#size);
    const key = `ns${n % 3}/svc-${n}`;
    const what = this.#int(10);
    if (what === 0) this.services.delete(key);
    else if (what === 1) this.slices.delete(key);
    else if (what < 5 || !this.services.has(key)) this.services.set(key, this.#service(key, n));
    else this.slices.set(key, this.#changed(key));
    return key;
  }

  /** Some of a Service's slices; the others are the same objects, as with a watch. */
  #changed(key: string): EndpointSlice[] {
    const known = this.slices.get(key) ?? [];
    return this.#slices(key).map((next) => {
      const before = known.find(({metadata}) => metadata.name === next.metadata.name);
      return before !== undefined && this.#chance(0.5) ? before : next;
    });
  }

  source(key: string): ServiceSource {
    return {service: this.services.get(key), slices: this.slices.get(key) ?? []};
  }

  sources(): Map<string, ServiceSource> {
    const keys = new Set([...this.services.keys(), ...this.slices.keys()]);
    return new Map([...keys].map((key) => [key, this.source(key)]));
  }

  #service(key: string, n: number): Service {
    const type = this.#pick(['ClusterIP', 'ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']);
    const exposed = type === 'NodePort' || type === 'LoadBalancer';
    const ports = ['TCP', 'UDP', 'SCTP'].filter((_, i) => i === 0 || this.#chance(0.3));
    const ipIndex = this.#chance(0.9) ? n : this.#int(this.#size);
    return service(
      key,
      {
        type,
        clusterIP: this.#chance(0.05) ? 'None' : `10.96.0.${ipIndex + 1}`,
        clusterIPs: this.#chance(0.5) ? [`10.96.0.${ipIndex + 1}`, `fd96::${ipIndex + 1}`] : undefined,
        ports: ports.map((protocol, i) => ({
          name: `p${i}`,
          protocol,
          port: 80 + this.#int(2),
          nodePort: exposed && this.#chance(0.8) ? 30_000 + this.#int(this.#size * 2) : undefined,
        })),
        sessionAffinity: this.#chance(0.2) ? 'ClientIP' : undefined,
        sessionAffinityConfig: {clientIP: {timeoutSeconds: this.#pick([10, 10_800])}},
        internalTrafficPolicy: this.#chance(0.15) ? 'Local' : 'Cluster',
        externalTrafficPolicy: this.#chance(0.4) ? 'Local' : 'Cluster',
        externalIPs: this.#chance(0.2)
          ? [this.#pick(['192.0.2.1', '192.0.2.2', 'fd99::2', '10.96.0.1'])]
          : undefined,
        loadBalancerSourceRanges: this.#chance(0.3)
          ? [this.#pick([' 203.0.113.0/24', '0.0.0.0/0', '192.168.0.0/16', 'fd00:1::/64'])]
          : undefined,
      },
      type === 'LoadBalancer'
        ? [
            {
              ip: this.#pick(['198.51.100.1', '198.51.100.2', 'fd98::1']),
              ipMode: this.#pick(['VIP', undefined, 'Proxy']),
            },
          ]
        : [],
    );
  }

  #slices(key: string): EndpointSlice[] {
    const ports = ['TCP', 'UDP', 'SCTP'].map((protocol, i) => ({name: `p${i}`, protocol, port: 8080 + i}));
    const names = ['a', 'b'].filter(() => this.#chance(0.7));
    return names.flatMap((name) => [
      slice({service: key, name, ports, endpoints: this.#endpoints('10.0.0.')}),
      ...(this.#chance(0.5)
        ? [
            slice({
              service: key,
              name: `${name}6`,
              family: 'IPv6',
              ports,
              endpoints: this.#endpoints('fd00::'),
            }),
          ]
        : []),
    ]);
  }

  #endpoints(prefix: string): EndpointText[] {
    return Array.from({length: this.#int(6)}, () => {
      const terminating = this.#chance(0.2);
      return {
        ip: this.#chance(0.03)
          ? this.#pick(['127.0.0.1', 'nonsense', '169.254.1.1'])
          : `${prefix}${1 + this.#int(12)}`,
        node: this.#pick(['here', 'there']),
        ready: terminating ? false : this.#pick([true, true, undefined, false]),
        serving: this.#pick([true, undefined, false]),
        terminating,
        zones: this.#chance(0.3) ? [this.#pick(['z1', 'z2'])] : undefined,
        nodes: this.#chance(0.1) ? ['here'] : undefined,
      };
    });
  }

  #int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #chance(p: number): boolean {
    return this.#random() < p;
  }

  #pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.#int(from.length)] ?? from[0];
  }
}
