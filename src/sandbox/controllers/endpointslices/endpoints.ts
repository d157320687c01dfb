import type {EndpointSlice, Node, Pod, Service} from '../../../lib/kubernetes.ts';
import {isPodReady, isTerminal} from '../pods.ts';

export type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];
export type SlicePort = NonNullable<EndpointSlice['ports']>[number];
export type Family = 'IPv4' | 'IPv6';

/** Pods of a service that answer on the same port numbers: what one set of slices holds. */
export type EndpointGroup = {
  readonly family: Family;
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly Endpoint[];
};

/** What the slices of a Service should hold, grouped as slices must be: by family and by resolved ports. */
export function endpointGroups(
  service: Service,
  pods: readonly Pod[],
  nodeOf: (name: string) => Node | undefined,
): EndpointGroup[] {
  return familiesOf(service).flatMap((family) => {
    const groups = new Map<string, {ports: readonly SlicePort[]; endpoints: Endpoint[]}>();
    for (const pod of pods) {
      const address = isTerminal(pod) ? undefined : addressOf(pod, family);
      if (address === undefined) continue;
      const ports = portsFor(service, pod);
      const key = JSON.stringify(ports);
      const group = groups.get(key) ?? {ports, endpoints: []};
      group.endpoints.push(endpointOf(service, pod, address, nodeOf(pod.spec.nodeName ?? '')));
      groups.set(key, group);
    }
    if (groups.size === 0) groups.set('', {ports: [], endpoints: []});
    const hinted = [...groups.values()].map((g) => ({
      family,
      ports: g.ports,
      endpoints: withHints(service, g.endpoints),
    }));
    return hinted;
  });
}

function familiesOf({spec}: Service): Family[] {
  return (spec.ipFamilies ?? ['IPv4']).filter((f): f is Family => f === 'IPv4' || f === 'IPv6');
}

function addressOf(pod: Pod, family: Family): string | undefined {
  const ips = pod.status?.podIPs?.map((entry) => entry.ip) ?? (pod.status?.podIP ? [pod.status.podIP] : []);
  return ips.find((ip) => ip !== undefined && ip.includes(':') === (family === 'IPv6'));
}

function endpointOf(service: Service, pod: Pod, address: string, node: Node | undefined): Endpoint {
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isPodReady(pod);
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  const named = pod.spec.hostname !== undefined && pod.spec.subdomain === service.metadata.name;
  const {namespace, name, uid} = pod.metadata;
  return {
    addresses: [address],
    conditions: {
      ready: service.spec.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    targetRef: {kind: 'Pod', namespace, name, uid},
    ...(pod.spec.nodeName ? {nodeName: pod.spec.nodeName} : {}),
    ...(zone === undefined ? {} : {zone}),
    ...(named ? {hostname: pod.spec.hostname} : {}),
  };
}

/** Named target ports are looked up in each pod; one that a pod does not have is left out. */
function portsFor(service: Service, pod: Pod): SlicePort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = resolvePort(pod, port.targetPort ?? port.port, port.protocol ?? 'TCP');
    if (number === undefined) return [];
    const appProtocol = port.appProtocol === undefined ? {} : {appProtocol: port.appProtocol};
    return [{name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP', ...appProtocol}];
  });
}

function resolvePort(pod: Pod, target: string | number, protocol: string): number | undefined {
  if (typeof target === 'number') return target;
  const sidecars = (pod.spec.initContainers ?? []).filter(
    (container) => container.restartPolicy === 'Always',
  );
  for (const container of [...pod.spec.containers, ...sidecars])
    for (const port of container.ports ?? [])
      if (port.name === target && (port.protocol ?? 'TCP') === protocol) return port.containerPort;
  return undefined;
}

/** spec.trafficDistribution: every ready endpoint is for its own zone, and for its own node where that is asked. */
function withHints(service: Service, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const wish = service.spec.trafficDistribution;
  if (wish !== 'PreferClose' && wish !== 'PreferSameZone' && wish !== 'PreferSameNode') return endpoints;
  return endpoints.map((endpoint) => {
    if (!endpoint.conditions?.ready || endpoint.zone === undefined) return endpoint;
    const forNodes =
      wish === 'PreferSameNode' && endpoint.nodeName !== undefined
        ? {forNodes: [{name: endpoint.nodeName}]}
        : {};
    return {...endpoint, hints: {forZones: [{name: endpoint.zone}], ...forNodes}};
  });
}
