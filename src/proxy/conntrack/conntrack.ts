import type {Family} from '../../lib/addresses.ts';
import type {EndpointSlice, Service} from '../../lib/kubernetes.ts';
import {mergeSlices, portKey} from '../model/endpoints.ts';
import {viewService} from '../model/services.ts';

/** A frontend for UDP and who may answer for it. */
export type UdpFrontend = {
  /** '' for a node port: any destination. */
  readonly address: string;
  readonly port: number;
  readonly answers: ReadonlySet<string>;
};

export type Flow = {readonly destination: string; readonly port: number; readonly answersFrom: string};

/**
 * The UDP frontends of a Service in one family. Every serving endpoint may answer, whatever policies and topology
 * say: a flow keeps its endpoint. A Service without endpoints has frontends that nobody may answer for.
 */
export function udpFrontends(
  service: Service | undefined,
  slices: readonly EndpointSlice[],
  family: Family,
): UdpFrontend[] {
  const view = service === undefined ? undefined : viewService(service, family);
  const ports = view?.ports.filter((port) => port.protocol === 'udp') ?? [];
  if (view === undefined || ports.length === 0) return [];
  const endpoints = mergeSlices(slices, family, '', () => undefined);
  const addresses = [view.clusterIP, ...view.externalIPs, ...view.loadBalancerIPs];
  return ports.flatMap(({name, port, nodePort}) => {
    const serving = (endpoints.get(portKey('udp', name)) ?? []).filter((endpoint) => endpoint.serving);
    const answers = new Set(serving.map((endpoint) => endpoint.ip));
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

/** Flows through these frontends whose answering side is not one of the endpoints, each kind once. */
export function staleFlows(flows: readonly Flow[], frontends: readonly UdpFrontend[]): Flow[] {
  const known = new Map(frontends.map((f) => [`${f.address} ${f.port}`, f.answers]));
  const stale = new Map<string, Flow>();
  for (const flow of flows) {
    const answers = known.get(`${flow.destination} ${flow.port}`) ?? known.get(` ${flow.port}`);
    if (answers === undefined || answers.has(flow.answersFrom)) continue;
    stale.set(`${flow.destination} ${flow.port} ${flow.answersFrom}`, flow);
  }
  return [...stale.values()];
}
