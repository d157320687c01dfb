import type {Family} from '../../lib/addresses.ts';
import type {EndpointSlice} from '../../lib/kubernetes.ts';
import type {Endpoint, Refused} from './endpoint.ts';
import {flat, Shared, sharedName} from './shared.ts';
import {readOnce, readSlice} from './slice.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

/** Endpoints by service port, `protocol/name`. */
export type EndpointsByPort = ReadonlyMap<string, readonly Endpoint[]>;

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
 * The endpoints of one Service in one family, its slices merged (pkg/proxy/endpointslicecache.go), in no particular
 * order: of two entries for one ip:port a terminating one never replaces another. An address that cannot be one of a
 * pod or a host is refused by itself; through it a tenant could reach what listens on this node's loopback.
 */
export function mergeSlices(
  slices: readonly EndpointSlice[],
  family: Family,
  nodeName: string,
  refuse: (refused: Refused) => void,
): EndpointsByPort {
  const own = slices.filter(({addressType}) => addressType === family);
  // Kept for one slice of each Service they would take as much memory as the slices, and spare little time.
  const read = own.length > 1 ? readOnce : readSlice;
  const merged = new Map<string, Map<string, Endpoint>>();
  for (const slice of own) {
    const {ports, refused} = read(slice, family, nodeName);
    for (const [key, endpoints] of ports) {
      const known = merged.get(key) ?? new Map<string, Endpoint>();
      merged.set(key, known);
      for (const endpoint of endpoints)
        if (!endpoint.terminating || !known.has(endpoint.id)) known.set(endpoint.id, endpoint);
    }
    for (const one of refused) refuse(one);
  }
  return new Map([...merged].map(([key, known]) => [key, [...known.values()]]));
}

/** The order that every node has, and this one after each start. */
export function inOrder(endpoints: readonly Endpoint[]): Endpoint[] {
  return [...endpoints].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
