import {type Address, type Family, joinHostPort, parseAddress, scopeOf} from '../../lib/addresses.ts';
import type {EndpointSlice} from '../../lib/kubernetes.ts';
import {isPort, type Protocol, protocolOf} from './services.ts';
import {flat, Shared, sharedName} from './shared.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

/** One address and port that a service port may send to. */
export type Endpoint = {
  /** Canonical `ip:port`; tells endpoints apart. */
  readonly id: string;
  readonly ip: string;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** On this node. */
  readonly local: boolean;
  /** Empty when the endpoint has no such hint. */
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
};

/** Endpoints by service port, `protocol/name`. */
export type EndpointsByPort = ReadonlyMap<string, readonly Endpoint[]>;

export type Refused = {readonly slice: string; readonly address: string; readonly why: string};

export function portKey(protocol: Protocol, name: string): string {
  return `${protocol}/${name}`;
}

/** `namespace/name` of the Service that a slice belongs to; undefined for a slice of nobody. */
export function serviceOfSlice({metadata}: EndpointSlice): string | undefined {
  const name = metadata.labels?.[serviceNameLabel];
  return name === undefined || name === '' ? undefined : flat(metadata.namespace, '/', name);
}

/** Keeps what the proxy reads. */
export function trimSlice(slice: EndpointSlice): EndpointSlice {
  const {metadata} = slice;
  const trigger = metadata.annotations?.[triggerTimeAnnotation];
  const service = metadata.labels?.[serviceNameLabel];
  return {
    metadata: {
      name: metadata.name,
      namespace: sharedName(metadata.namespace),
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      labels: service === undefined ? undefined : {[serviceNameLabel]: service},
      annotations: trigger === undefined ? undefined : {[triggerTimeAnnotation]: trigger},
    },
    addressType: slice.addressType,
    // Go writes an empty list as null: the slice of a Service that no pod matches has neither.
    ports: sharedPorts(slice.ports ?? []),
    endpoints: (slice.endpoints ?? []).map(trimEndpoint),
  };
}

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];

/** What nearly every endpoint lacks takes no place in it. */
function trimEndpoint({addresses, conditions, hints, nodeName}: SliceEndpoint): SliceEndpoint {
  const kept = {addresses: addresses?.slice(0, 1) ?? [], nodeName: sharedName(nodeName)};
  if (isPlain(conditions)) return hints === undefined ? kept : {...kept, hints};
  return {...kept, conditions, hints};
}

type Ports = NonNullable<EndpointSlice['ports']>;

const portLists = new Shared<Ports>();

function sharedPorts(ports: Ports): Ports {
  const kept = ports.map(({name, protocol, port}) => ({name, protocol, port}));
  return portLists.get(JSON.stringify(kept), () => kept);
}

/** Ready, serving and not terminating is what an absent condition means. */
function isPlain(conditions: SliceEndpoint['conditions']): boolean {
  return (conditions?.ready ?? true) && (conditions?.serving ?? true) && !(conditions?.terminating ?? false);
}

/**
 * The endpoints of one Service in one family, its slices merged (pkg/proxy/endpointslicecache.go): of two entries for
 * one ip:port a terminating one never replaces another. An address that cannot be one of a pod or a host is refused by
 * itself; through it a tenant could reach what listens on this node's loopback.
 */
export function mergeSlices(
  slices: Iterable<EndpointSlice>,
  family: Family,
  nodeName: string,
  refuse: (refused: Refused) => void,
): EndpointsByPort {
  const merged = new Map<string, Map<string, Endpoint>>();
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    for (const port of slice.ports ?? []) {
      const protocol = protocolOf(port.protocol);
      if (port.name === undefined || protocol === undefined || !isPort(port.port)) continue;
      const key = portKey(protocol, port.name);
      const known = merged.get(key) ?? new Map<string, Endpoint>();
      merged.set(key, known);
      addEndpoints(known, slice, port.port, {family, nodeName, refuse});
    }
  }
  return new Map([...merged].map(([key, known]) => [key, [...known.values()].sort(byId)]));
}

type Context = {
  readonly family: Family;
  readonly nodeName: string;
  readonly refuse: (refused: Refused) => void;
};

function addEndpoints(
  known: Map<string, Endpoint>,
  slice: EndpointSlice,
  port: number,
  {family, nodeName, refuse}: Context,
): void {
  for (const entry of slice.endpoints ?? []) {
    const text = entry.addresses?.[0] ?? '';
    const address = parseAddress(text);
    const why = refusal(address, family);
    if (address === undefined || why !== undefined) {
      refuse({slice: `${slice.metadata.namespace}/${slice.metadata.name}`, address: text, why: why ?? ''});
      continue;
    }
    const terminating = entry.conditions?.terminating ?? false;
    const id = joinHostPort(address.text, port);
    if (terminating && known.has(id)) continue;
    known.set(id, {
      id,
      ip: address.text,
      port,
      ready: entry.conditions?.ready ?? true,
      serving: entry.conditions?.serving ?? true,
      terminating,
      local: nodeName !== '' && entry.nodeName === nodeName,
      zoneHints: (entry.hints?.forZones ?? []).map((zone) => zone.name),
      nodeHints: (entry.hints?.forNodes ?? []).map((node) => node.name),
    });
  }
}

function refusal(address: Address | undefined, family: Family): string | undefined {
  if (address === undefined) return 'not an IP address';
  if (address.family !== family) return `not an ${family} address`;
  const scope = scopeOf(address);
  return scope === 'global' ? undefined : `a ${scope} address`;
}

function byId(a: Endpoint, b: Endpoint): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
