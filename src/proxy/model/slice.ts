import {type Address, type Family, joinHostPort, parseAddress, scopeOf} from '../../lib/addresses.ts';
import type {EndpointSlice} from '../../lib/kubernetes.ts';
import {type Endpoint, portKey, type Refused} from './endpoint.ts';
import {isPort, protocolOf} from './services.ts';

/** What one slice says, by service port. */
export type ReadSlice = {
  readonly ports: readonly (readonly [key: string, endpoints: readonly Endpoint[]])[];
  readonly refused: readonly Refused[];
};

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];

/** By the name of the node that reads it. */
const known = new WeakMap<EndpointSlice, Map<string, ReadSlice>>();

/**
 * Of a Service with thousands of endpoints one slice changes at a time, and to read the others again was two thirds of
 * the change's cost. Nobody changes an object of the API: a change is another object.
 */
export function readOnce(slice: EndpointSlice, family: Family, nodeName: string): ReadSlice {
  const byNode = known.get(slice) ?? new Map<string, ReadSlice>();
  known.set(slice, byNode);
  const read = byNode.get(nodeName) ?? readSlice(slice, family, nodeName);
  byNode.set(nodeName, read);
  return read;
}

/** What a slice of this family says. Pure. */
export function readSlice(slice: EndpointSlice, family: Family, nodeName: string): ReadSlice {
  const refused: Refused[] = [];
  const refuse = (address: string, why: string) =>
    refused.push({slice: `${slice.metadata.namespace}/${slice.metadata.name}`, address, why});
  const ports = (slice.ports ?? []).flatMap(({name, protocol: word, port}) => {
    const protocol = protocolOf(word);
    if (name === undefined || protocol === undefined || !isPort(port)) return [];
    return [[portKey(protocol, name), endpointsAt(port, slice, {family, nodeName, refuse})] as const];
  });
  return {ports, refused};
}

type Context = {
  readonly family: Family;
  readonly nodeName: string;
  readonly refuse: (address: string, why: string) => void;
};

function endpointsAt(port: number, slice: EndpointSlice, {family, nodeName, refuse}: Context): Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const entry of slice.endpoints ?? []) {
    const text = entry.addresses?.[0] ?? '';
    const address = parseAddress(text);
    const why = refusal(address, family);
    if (address === undefined || why !== undefined) refuse(text, why ?? '');
    else endpoints.push(endpointOf(entry, address.text, port, nodeName));
  }
  return endpoints;
}

function endpointOf(
  {conditions, nodeName, hints}: SliceEndpoint,
  ip: string,
  port: number,
  here: string,
): Endpoint {
  return {
    id: joinHostPort(ip, port),
    ip,
    port,
    ready: conditions?.ready ?? true,
    serving: conditions?.serving ?? true,
    terminating: conditions?.terminating ?? false,
    local: here !== '' && nodeName === here,
    zoneHints: (hints?.forZones ?? []).map((zone) => zone.name),
    nodeHints: (hints?.forNodes ?? []).map((node) => node.name),
  };
}

function refusal(address: Address | undefined, family: Family): string | undefined {
  if (address === undefined) return 'not an IP address';
  if (address.family !== family) return `not an ${family} address`;
  const scope = scopeOf(address);
  return scope === 'global' ? undefined : `a ${scope} address`;
}
