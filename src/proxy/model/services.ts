import {type Cidr, type Family, parseAddress, parseCidr} from '../../lib/addresses.ts';
import type {Service} from '../../lib/kubernetes.ts';
import {flat, Shared, sharedName} from './shared.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** One port of a Service as one family's proxy sees it; addresses are canonical. */
export type ServicePort = {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** 0 for none. */
  readonly nodePort: number;
};

/** What the proxy of one family knows of a Service. */
export type ServiceView = {
  /** namespace/name */
  readonly key: string;
  readonly family: Family;
  readonly clusterIP: string;
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  /** Empty when every source may use the load balancer's addresses. */
  readonly sourceRanges: readonly Cidr[];
  /** Seconds of session affinity; undefined for none. */
  readonly affinitySeconds: number | undefined;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  readonly ports: readonly ServicePort[];
};

/** Keeps what the proxy reads: ten thousand Services stay small. */
export function trimService(service: Service): Service {
  const {metadata, spec, status} = service;
  return {
    metadata: {
      name: metadata.name,
      namespace: sharedName(metadata.namespace),
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
    },
    spec: isPlain(service)
      ? {type: spec.type, clusterIP: spec.clusterIP, ports: sharedPorts(spec.ports ?? [])}
      : {
          type: spec.type,
          clusterIP: spec.clusterIP,
          // Of two equal strings one is kept.
          clusterIPs: spec.clusterIPs?.map((ip) => (ip === spec.clusterIP ? spec.clusterIP : ip)),
          externalIPs: spec.externalIPs,
          loadBalancerSourceRanges: spec.loadBalancerSourceRanges,
          sessionAffinity: spec.sessionAffinity === 'ClientIP' ? 'ClientIP' : undefined,
          sessionAffinityConfig: spec.sessionAffinityConfig,
          internalTrafficPolicy: spec.internalTrafficPolicy,
          externalTrafficPolicy: spec.externalTrafficPolicy,
          healthCheckNodePort: spec.healthCheckNodePort,
          ports: sharedPorts(spec.ports ?? []),
        },
    ...(status?.loadBalancer?.ingress === undefined ? {} : {status: {loadBalancer: status.loadBalancer}}),
  };
}

/** Nearly every Service of a large cluster: one ClusterIP, and what is not said here is as it is by default. */
function isPlain({spec}: Service): boolean {
  const others = spec.clusterIPs?.filter((ip) => ip !== spec.clusterIP) ?? [];
  return (
    others.length === 0 &&
    !spec.externalIPs?.length &&
    !spec.loadBalancerSourceRanges?.length &&
    spec.sessionAffinity !== 'ClientIP' &&
    spec.internalTrafficPolicy !== 'Local' &&
    spec.externalTrafficPolicy !== 'Local' &&
    !spec.healthCheckNodePort
  );
}

type Ports = NonNullable<Service['spec']['ports']>;

const portLists = new Shared<Ports>();

function sharedPorts(ports: Ports): Ports {
  const kept = ports.map(({name, protocol, port, nodePort}) => ({name, protocol, port, nodePort}));
  return portLists.get(JSON.stringify(kept), () => kept);
}

/** The Service in one family; undefined when that family's proxy has nothing to do with it. */
export function viewService(
  service: Service,
  family: Family,
  allowExternalIPs = true,
): ServiceView | undefined {
  const {spec, metadata} = service;
  if (spec.type === 'ExternalName') return undefined;
  const [clusterIP] = ofFamily(spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''], family);
  if (clusterIP === undefined) return undefined;
  const ranges = (spec.loadBalancerSourceRanges ?? [])
    .map((text) => parseCidr(text.trim()))
    .filter((cidr) => cidr?.family === family)
    .filter((cidr) => cidr !== undefined);
  const externalIPs = ofFamily(allowExternalIPs ? (spec.externalIPs ?? []) : [], family);
  return {
    key: flat(metadata.namespace, '/', metadata.name),
    family,
    clusterIP,
    externalIPs,
    loadBalancerIPs: ofFamily(vips(service), family),
    sourceRanges: ranges.some((cidr) => cidr.bits === 0) ? [] : ranges,
    affinitySeconds: affinitySeconds(service),
    internalLocal: spec.internalTrafficPolicy === 'Local',
    externalLocal: isExternal(spec) && spec.externalTrafficPolicy === 'Local',
    ports: (spec.ports ?? []).map(viewPort).filter((port) => port !== undefined),
  };
}

/** Whether it has an externalTrafficPolicy (ExternallyAccessible): whatever family its external addresses are of. */
function isExternal({type, externalIPs}: Service['spec']): boolean {
  return type === 'NodePort' || type === 'LoadBalancer' || (externalIPs ?? []).length > 0;
}

/** The health check port of a LoadBalancer with externalTrafficPolicy Local; 0 for none (NeedsHealthCheck). */
export function healthCheckNodePort({spec}: Service): number {
  const needed = spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
  return needed ? (spec.healthCheckNodePort ?? 0) : 0;
}

function viewPort(port: NonNullable<Service['spec']['ports']>[number]): ServicePort | undefined {
  const protocol = protocolOf(port.protocol);
  if (protocol === undefined || !isPort(port.port)) return undefined;
  const nodePort = port.nodePort ?? 0;
  return {name: port.name ?? '', protocol, port: port.port, nodePort: isPort(nodePort) ? nodePort : 0};
}

export function isPort(port: number | undefined): port is number {
  return port !== undefined && Number.isInteger(port) && port >= 1 && port <= 65_535;
}

/** API objects say TCP when they say nothing. */
export function protocolOf(text: string | undefined): Protocol | undefined {
  switch (text) {
    case undefined:
    case 'TCP':
      return 'tcp';
    case 'UDP':
      return 'udp';
    case 'SCTP':
      return 'sctp';
    default:
      return undefined;
  }
}

/** Addresses that the load balancer sends unchanged; with ipMode Proxy it talks to node ports itself. */
function vips({status}: Service): string[] {
  return (status?.loadBalancer?.ingress ?? [])
    .filter(({ipMode}) => ipMode === undefined || ipMode === 'VIP')
    .map(({ip}) => ip ?? '');
}

function affinitySeconds({spec}: Service): number | undefined {
  if (spec.sessionAffinity !== 'ClientIP') return undefined;
  return spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800;
}

const noAddresses: readonly string[] = [];

function ofFamily(texts: readonly string[], family: Family): readonly string[] {
  if (texts.length === 0) return noAddresses;
  const addresses = texts.map(parseAddress).filter((address) => address?.family === family);
  return [...new Set(addresses.map((address) => address?.text ?? ''))];
}
