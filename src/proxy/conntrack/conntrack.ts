import {type Family, joinHostPort} from '../../lib/addresses.ts';
import type {EndpointSlice, Service} from '../../lib/kubernetes.ts';
import {portKey} from '../model/endpoint.ts';
import {mergeSlices} from '../model/endpoints.ts';
import {viewService} from '../model/services.ts';

/** A frontend for UDP and who may answer for it. */
export type UdpFrontend = {
  /** '' for a node port: any destination. */
  readonly address: string;
  readonly port: number;
  /** `ip:port` */
  readonly answers: ReadonlySet<string>;
};

export type Flow = {
  readonly destination: string;
  readonly port: number;
  readonly answersFrom: string;
  readonly answersPort: number;
};

export const noFrontends: readonly UdpFrontend[] = [];

/**
 * The UDP frontends of a Service in one family. Every serving endpoint may answer, whatever policies and topology
 * say: a flow keeps its endpoint. One that is ready and does not serve (publishNotReadyAddresses) gets new flows, and
 * keeps its old ones. A Service without endpoints has frontends that nobody may answer for.
 */
export function udpFrontends(
  service: Service | undefined,
  slices: readonly EndpointSlice[],
  family: Family,
): readonly UdpFrontend[] {
  // Nearly no Service has one, and every change of any comes by here.
  if (!service?.spec.ports?.some(({protocol}) => protocol === 'UDP')) return noFrontends;
  const view = viewService(service, family);
  const ports = view?.ports.filter((port) => port.protocol === 'udp') ?? [];
  if (view === undefined || ports.length === 0) return noFrontends;
  const endpoints = mergeSlices(slices, family, '', () => undefined);
  const addresses = [view.clusterIP, ...view.externalIPs, ...view.loadBalancerIPs];
  return ports.flatMap(({name, port, nodePort}) => {
    const usable = (endpoints.get(portKey('udp', name)) ?? []).filter((e) => e.serving || e.ready);
    const answers = new Set(usable.map((endpoint) => endpoint.id));
    const nodePorts = nodePort === 0 ? [] : [{address: '', port: nodePort, answers}];
    return [...addresses.map((address) => ({address, port, answers})), ...nodePorts];
  });
}

/** Tells whether two lists of frontends let the same endpoints answer. */
export function signature(frontends: readonly UdpFrontend[]): string {
  return frontends.map((f) => `${f.address} ${f.port} ${[...f.answers].sort().join(',')}`).join('\n');
}

/** What remains of frontends that are gone: nobody may answer for them any more. */
export function closed(before: readonly UdpFrontend[], now: readonly UdpFrontend[]): UdpFrontend[] {
  const open = new Set(now.map((f) => `${f.address} ${f.port}`));
  return before.filter((f) => !open.has(`${f.address} ${f.port}`)).map((f) => ({...f, answers: new Set()}));
}

/**
 * Tells flows through these frontends that nobody answers any more: an endpoint that listens on another port now is
 * another endpoint (pkg/proxy/conntrack/cleanup.go).
 */
export function staleAmong(frontends: readonly UdpFrontend[]): (flow: Flow) => boolean {
  const known = new Map(frontends.map((f) => [`${f.address} ${f.port}`, f.answers]));
  return ({destination, port, answersFrom, answersPort}) => {
    const answers = known.get(`${destination} ${port}`) ?? known.get(` ${port}`);
    return answers !== undefined && !answers.has(joinHostPort(answersFrom, answersPort));
  };
}
