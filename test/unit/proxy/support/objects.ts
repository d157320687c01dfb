import type {EndpointSlice, Node, Service} from '../../../../src/lib/kubernetes.ts';

type Metadata = Service['metadata'];
let version = 0;

function metadata(key: string): Metadata {
  const [namespace = '', name = ''] = key.split('/');
  version++;
  return {namespace, name, uid: `uid-${key}`, resourceVersion: String(version)};
}

export function service(key: string, spec: Service['spec'], ingress: readonly object[] = []): Service {
  return {
    metadata: metadata(key),
    spec: {type: 'ClusterIP', ...spec},
    status: ingress.length === 0 ? {} : {loadBalancer: {ingress: ingress.map((item) => ({...item}))}},
  };
}

export type EndpointText = {
  readonly ip: string;
  readonly node?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly zones?: readonly string[];
  readonly nodes?: readonly string[];
};

export type SliceText = {
  readonly service: string;
  readonly name?: string;
  readonly family?: 'IPv4' | 'IPv6';
  readonly ports: readonly {readonly name?: string; readonly protocol?: string; readonly port: number}[];
  readonly endpoints: readonly EndpointText[];
};

export function slice(text: SliceText): EndpointSlice {
  const [namespace = '', name = ''] = text.service.split('/');
  return {
    metadata: {
      ...metadata(`${namespace}/${text.name ?? `${name}-1`}`),
      labels: {'kubernetes.io/service-name': name},
    },
    addressType: text.family ?? 'IPv4',
    ports: text.ports.map((port) => ({name: '', protocol: 'TCP', ...port})),
    endpoints: text.endpoints.map((e) => ({
      addresses: [e.ip],
      nodeName: e.node,
      conditions: {ready: e.ready, serving: e.serving, terminating: e.terminating},
      hints: {
        forZones: e.zones?.map((zone) => ({name: zone})),
        forNodes: e.nodes?.map((node) => ({name: node})),
      },
    })),
  };
}

export function node(name: string, addresses: readonly string[], zone = ''): Node {
  return {
    metadata: {name, uid: name, resourceVersion: '1', labels: {'topology.kubernetes.io/zone': zone}},
    status: {addresses: addresses.map((address) => ({type: 'InternalIP', address}))},
  };
}
