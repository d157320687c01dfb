import type {KubeObject} from '../../lib/kubernetes.ts';
import {
  certificateSigningRequests,
  configMaps,
  deployments,
  endpointSlices,
  leases,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  type Resource,
  replicaSets,
  secrets,
  serviceAccounts,
  services,
} from '../../lib/resources.ts';
import {Cache, type CacheOptions} from './cache.ts';
import type {ControllerDeps} from './deps.ts';
import {controllerUid} from './owners.ts';

const inNamespace = (object: KubeObject) => [object.metadata.namespace ?? ''];
const byController = (object: KubeObject) => {
  const uid = controllerUid(object);
  return uid === undefined ? [] : [uid];
};

/** One watch per resource, shared by all controllers, with the indexes that they ask. */
export type Caches = ReturnType<typeof createCaches>;

export function createCaches(deps: ControllerDeps) {
  const cache = <T extends KubeObject>(
    resource: Resource<T>,
    how: Pick<CacheOptions<T>, 'query' | 'trim'> = {},
  ) => new Cache<T>({...how, resource, client: deps.client, clock: deps.clock, log: deps.log});
  const only = (name: string) => ({query: {fieldSelector: `metadata.name=${name}`}});
  const podCache = cache(pods, {trim: untracked});
  const serviceCache = cache(services, {trim: untracked});
  const sliceCache = cache(endpointSlices, {trim: untracked});
  const replicaSetCache = cache(replicaSets, {trim: untracked});
  return {
    pods: podCache,
    podsByNamespace: podCache.index(inNamespace),
    podsByNode: podCache.index((pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : [])),
    podsByController: podCache.index(byController),
    nodes: cache(nodes, {trim: untracked}),
    services: serviceCache,
    servicesByNamespace: serviceCache.index(inNamespace),
    slices: sliceCache,
    slicesByController: sliceCache.index(byController),
    deployments: cache(deployments, {trim: untracked}),
    replicaSets: replicaSetCache,
    replicaSetsByController: replicaSetCache.index(byController),
    replicaSetsByNamespace: replicaSetCache.index(inNamespace),
    namespaces: cache(namespaces),
    persistentVolumes: cache(persistentVolumes, {trim: untracked}),
    persistentVolumeClaims: cache(persistentVolumeClaims, {trim: untracked}),
    leases: cache(leases, {query: {namespace: 'kube-node-lease'}}),
    csrs: cache(certificateSigningRequests),
    tokens: cache(secrets, {
      query: {namespace: 'kube-system', fieldSelector: 'type=bootstrap.kubernetes.io/token'},
    }),
    clusterInfo: cache(configMaps, {query: {namespace: 'kube-public', ...only('cluster-info').query}}),
    rootCas: cache(configMaps, only('kube-root-ca.crt')),
    defaultAccounts: cache(serviceAccounts, only('default')),
  };
}

/** managedFields are nobody's business here and often half of an object. */
function untracked<T extends KubeObject>(object: T): T {
  delete object.metadata.managedFields;
  return object;
}

/** Starts every cache; resolves when all of them are complete. */
export async function startCaches(caches: Caches): Promise<void> {
  await Promise.all(cachesOf(caches).map((cache) => cache.start()));
}

export async function stopCaches(caches: Caches): Promise<void> {
  await Promise.all(cachesOf(caches).map((cache) => cache.stop()));
}

function cachesOf(caches: Caches): {start(): Promise<void>; stop(): Promise<void>}[] {
  return Object.values(caches).filter((value) => value instanceof Cache);
}
