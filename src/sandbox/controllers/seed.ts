import {isDeepStrictEqual} from 'node:util';
import {isAlreadyExists, isNotFound} from '../../edges/kube/errors.ts';
import type {Draft, EndpointSlice, KubeObject, Service} from '../../lib/kubernetes.ts';
import {configMaps, endpointSlices, namespaces, type Resource, services} from '../../lib/resources.ts';
import {addressRange, addressText} from '../admission/services/address-range.ts';
import type {ControllerDeps} from './deps.ts';
import {kubeadmMaps} from './seed-kubeadm.ts';

/** The namespaces that every cluster has. */
const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Puts in place what must be there before anything else; a second start changes only what has moved. */
export async function seed(deps: ControllerDeps): Promise<void> {
  for (const name of systemNamespaces) await createOnce(deps, namespaces, {metadata: {name}});
  for (const map of kubeadmMaps(deps)) await seedMap(deps, map);
  await createOnce(deps, services, kubernetesService(deps));
  await putSlice(deps, kubernetesSlice(deps));
  await createOnce(deps, services, dnsService(deps));
  await putSlice(deps, dnsSlice(deps));
}

async function createOnce<T extends KubeObject>(
  {client}: ControllerDeps,
  resource: Resource<T>,
  object: Draft<T> | {metadata: {name: string}},
): Promise<void> {
  const namespace = 'namespace' in object.metadata ? object.metadata.namespace : undefined;
  try {
    await client.create(resource, object, {namespace});
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** Settings are the administrator's once they are there; cluster-info has to follow the server's address and CA. */
async function seedMap(deps: ControllerDeps, map: ReturnType<typeof kubeadmMaps>[number]): Promise<void> {
  const {name = '', namespace} = map.metadata;
  await createOnce(deps, configMaps, map);
  if (name !== 'cluster-info') return;
  const found = await deps.client.get(configMaps, {namespace, name});
  const kubeconfig = map.data?.kubeconfig ?? '';
  if (found.data?.kubeconfig !== kubeconfig)
    await deps.client.update(configMaps, {...found, data: {kubeconfig}});
}

async function putSlice({client}: ControllerDeps, slice: Draft<EndpointSlice>): Promise<void> {
  const {name = '', namespace} = slice.metadata;
  try {
    const found = await client.get(endpointSlices, {namespace, name});
    const {addressType, endpoints, ports} = slice;
    if (!isDeepStrictEqual([found.endpoints, found.ports], [endpoints, ports]))
      await client.update(endpointSlices, {...found, addressType, endpoints, ports});
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await client.create(endpointSlices, slice, {namespace});
  }
}

/** `kubernetes.default` has the first address of the service range. */
function kubernetesService({serviceCidr}: ControllerDeps): Draft<Service> {
  const range = addressRange(serviceCidr);
  const clusterIP = addressText(range.base + 1n, range.family);
  return {
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: {component: 'apiserver', provider: 'kubernetes'},
    },
    spec: {clusterIP, ports: [{name: 'https', port: 443, protocol: 'TCP', targetPort: 6443}]},
  };
}

const family = (address: string) => (address.includes(':') ? 'IPv6' : 'IPv4');

function kubernetesSlice({address}: ControllerDeps): Draft<EndpointSlice> {
  return {
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: {'kubernetes.io/service-name': 'kubernetes'},
    },
    addressType: family(address.host),
    endpoints: [{addresses: [address.host], conditions: {ready: true}}],
    ports: [{name: 'https', port: address.port, protocol: 'TCP'}],
  };
}

/** kubeadm's Service of CoreDNS, without its selector: the sandbox answers by itself. */
function dnsService({dnsServiceIp}: ControllerDeps): Draft<Service> {
  return {
    metadata: {
      name: 'kube-dns',
      namespace: 'kube-system',
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'CoreDNS',
      },
    },
    spec: {
      clusterIP: dnsServiceIp,
      ports: [
        {name: 'dns', port: 53, protocol: 'UDP', targetPort: 53},
        {name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53},
      ],
    },
  };
}

function dnsSlice({dnsEndpoint}: ControllerDeps): Draft<EndpointSlice> {
  const {address, port} = dnsEndpoint;
  return {
    metadata: {
      name: 'kube-dns',
      namespace: 'kube-system',
      labels: {'kubernetes.io/service-name': 'kube-dns'},
    },
    addressType: family(address),
    endpoints: [{addresses: [address], conditions: {ready: true}}],
    ports: [
      {name: 'dns', port, protocol: 'UDP'},
      {name: 'dns-tcp', port, protocol: 'TCP'},
    ],
  };
}
