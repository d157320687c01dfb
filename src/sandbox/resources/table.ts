import type {Resource} from '../../lib/resources.ts';
import type {Obj} from '../contract.ts';
import {at, textAt} from '../json.ts';
import {columnsOf} from './columns.ts';
import type {Definition, Strategy, Subresource, Verb} from './definition.ts';
import {
  counted,
  csrStrategy,
  namespaceStrategy,
  nodeStrategy,
  plain,
  podStrategy,
  sliceStrategy,
  writtenByPut,
} from './strategies.ts';

const every: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];
const onlyCreate: readonly Verb[] = ['create'];

const part = (name: string, ...verbs: string[]): Subresource => ({name, verbs});
const status = part('status', 'get', 'patch', 'update');
const scale: Subresource = {
  name: 'scale',
  verbs: ['get', 'patch', 'update'],
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
};
const connect = (name: string): Subresource => ({name, verbs: ['create', 'get']});

const podParts: readonly Subresource[] = [
  status,
  {name: 'binding', verbs: ['create'], kind: 'Binding'},
  {name: 'eviction', verbs: ['create'], group: 'policy', version: 'v1', kind: 'Eviction'},
  {...part('log', 'get')},
  {...connect('exec'), kind: 'PodExecOptions'},
  {...connect('attach'), kind: 'PodAttachOptions'},
  {...connect('portforward'), kind: 'PodPortForwardOptions'},
  part('ephemeralcontainers', 'get', 'patch', 'update'),
  part('resize', 'get', 'patch', 'update'),
];

const field =
  (...path: string[]) =>
  (object: Obj): string =>
    textAt(object, ...path) ?? '';

const flag =
  (...path: string[]) =>
  (object: Obj): string =>
    String(at(object, ...path) ?? false);

const involved = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const;

const selectable: Readonly<Record<string, Definition['selectable']>> = {
  '/pods': {
    'spec.nodeName': field('spec', 'nodeName'),
    'spec.restartPolicy': field('spec', 'restartPolicy'),
    'spec.schedulerName': field('spec', 'schedulerName'),
    'spec.serviceAccountName': field('spec', 'serviceAccountName'),
    'spec.hostNetwork': flag('spec', 'hostNetwork'),
    'status.phase': field('status', 'phase'),
    'status.podIP': field('status', 'podIP'),
    'status.nominatedNodeName': field('status', 'nominatedNodeName'),
  },
  '/nodes': {'spec.unschedulable': flag('spec', 'unschedulable')},
  '/namespaces': {'status.phase': field('status', 'phase')},
  '/secrets': {type: field('type')},
  '/services': {'spec.clusterIP': field('spec', 'clusterIP'), 'spec.type': field('spec', 'type')},
  '/events': {
    ...Object.fromEntries(involved.map((name) => [`involvedObject.${name}`, field('involvedObject', name)])),
    reason: field('reason'),
    reportingComponent: field('reportingComponent'),
    source: (event) => textAt(event, 'source', 'component') ?? field('reportingComponent')(event),
    type: field('type'),
  },
  'resource.k8s.io/resourceslices': {
    'spec.nodeName': field('spec', 'nodeName'),
    'spec.driver': field('spec', 'driver'),
  },
  'certificates.k8s.io/certificatesigningrequests': {'spec.signerName': field('spec', 'signerName')},
};

type Options = {
  short?: readonly string[];
  all?: boolean;
  parts?: readonly Subresource[];
  strategy?: Strategy;
  verbs?: readonly Verb[];
};

function define(
  apiVersion: string,
  kind: string,
  plural: string,
  scope: 'Namespaced' | 'Cluster',
  options: Options = {},
): Definition {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const resource: Resource = {group, version, plural, kind, namespaced: scope === 'Namespaced'};
  const collection = `${group}/${plural}`;
  return {
    resource,
    singular: kind.toLowerCase(),
    shortNames: options.short ?? [],
    categories: options.all ? ['all'] : [],
    verbs: options.verbs ?? every,
    subresources: options.parts ?? [],
    selectable: selectable[collection] ?? {},
    columns: columnsOf(collection),
    strategy: options.strategy ?? plain,
  };
}

const virtual = {verbs: onlyCreate};
const authorization = 'authorization.k8s.io/v1';
const authentication = 'authentication.k8s.io/v1';
const rbac = 'rbac.authorization.k8s.io/v1';
const storage = 'storage.k8s.io/v1';

/** Every kind that the sandbox serves. Nothing else decides what exists. */
export const definitions: readonly Definition[] = [
  define('v1', 'Namespace', 'namespaces', 'Cluster', {
    short: ['ns'],
    parts: [status, part('finalize', 'update')],
    strategy: namespaceStrategy,
  }),
  define('v1', 'Node', 'nodes', 'Cluster', {
    short: ['no'],
    parts: [status, {...connect('proxy'), kind: 'NodeProxyOptions'}],
    strategy: nodeStrategy,
  }),
  define('v1', 'Pod', 'pods', 'Namespaced', {
    short: ['po'],
    all: true,
    parts: podParts,
    strategy: podStrategy,
  }),
  define('v1', 'Service', 'services', 'Namespaced', {short: ['svc'], all: true, parts: [status]}),
  define('v1', 'Endpoints', 'endpoints', 'Namespaced', {short: ['ep'], strategy: writtenByPut}),
  define('v1', 'ConfigMap', 'configmaps', 'Namespaced', {short: ['cm']}),
  define('v1', 'Secret', 'secrets', 'Namespaced'),
  define('v1', 'ServiceAccount', 'serviceaccounts', 'Namespaced', {
    short: ['sa'],
    parts: [
      {name: 'token', verbs: ['create'], group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest'},
    ],
  }),
  define('v1', 'Event', 'events', 'Namespaced', {short: ['ev'], strategy: writtenByPut}),
  define('v1', 'Binding', 'bindings', 'Namespaced', virtual),
  define('v1', 'LimitRange', 'limitranges', 'Namespaced', {short: ['limits']}),
  define('v1', 'ResourceQuota', 'resourcequotas', 'Namespaced', {short: ['quota'], parts: [status]}),
  define('v1', 'PersistentVolume', 'persistentvolumes', 'Cluster', {short: ['pv'], parts: [status]}),
  define('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', 'Namespaced', {
    short: ['pvc'],
    parts: [status],
  }),
  define('apps/v1', 'Deployment', 'deployments', 'Namespaced', {
    short: ['deploy'],
    all: true,
    parts: [status, scale],
    strategy: counted,
  }),
  define('apps/v1', 'ReplicaSet', 'replicasets', 'Namespaced', {
    short: ['rs'],
    all: true,
    parts: [status, scale],
    strategy: counted,
  }),
  define('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', 'Namespaced', {strategy: sliceStrategy}),
  define('coordination.k8s.io/v1', 'Lease', 'leases', 'Namespaced', {strategy: writtenByPut}),
  define('certificates.k8s.io/v1', 'CertificateSigningRequest', 'certificatesigningrequests', 'Cluster', {
    short: ['csr'],
    parts: [status, part('approval', 'get', 'patch', 'update')],
    strategy: csrStrategy,
  }),
  define(storage, 'CSINode', 'csinodes', 'Cluster', {strategy: plain}),
  define(storage, 'CSIDriver', 'csidrivers', 'Cluster', {strategy: counted}),
  define(storage, 'StorageClass', 'storageclasses', 'Cluster', {short: ['sc']}),
  define(storage, 'VolumeAttachment', 'volumeattachments', 'Cluster', {parts: [status]}),
  define('node.k8s.io/v1', 'RuntimeClass', 'runtimeclasses', 'Cluster'),
  define('resource.k8s.io/v1', 'ResourceClaim', 'resourceclaims', 'Namespaced', {parts: [status]}),
  define('resource.k8s.io/v1', 'ResourceSlice', 'resourceslices', 'Cluster', {strategy: counted}),
  define('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', 'Cluster', {
    short: ['pc'],
    strategy: counted,
  }),
  define('networking.k8s.io/v1', 'ServiceCIDR', 'servicecidrs', 'Cluster', {parts: [status]}),
  define('networking.k8s.io/v1', 'IPAddress', 'ipaddresses', 'Cluster', {short: ['ip']}),
  define(rbac, 'Role', 'roles', 'Namespaced', {strategy: writtenByPut}),
  define(rbac, 'RoleBinding', 'rolebindings', 'Namespaced', {strategy: writtenByPut}),
  define(rbac, 'ClusterRole', 'clusterroles', 'Cluster', {strategy: writtenByPut}),
  define(rbac, 'ClusterRoleBinding', 'clusterrolebindings', 'Cluster', {strategy: writtenByPut}),
  define(authentication, 'TokenReview', 'tokenreviews', 'Cluster', virtual),
  define(authentication, 'SelfSubjectReview', 'selfsubjectreviews', 'Cluster', virtual),
  define(authorization, 'SubjectAccessReview', 'subjectaccessreviews', 'Cluster', virtual),
  define(authorization, 'LocalSubjectAccessReview', 'localsubjectaccessreviews', 'Namespaced', virtual),
  define(authorization, 'SelfSubjectAccessReview', 'selfsubjectaccessreviews', 'Cluster', virtual),
  define(authorization, 'SelfSubjectRulesReview', 'selfsubjectrulesreviews', 'Cluster', virtual),
];

function find(group: string, plural: string): Definition {
  const found = definitions.find(({resource}) => resource.group === group && resource.plural === plural);
  if (found === undefined) throw new Error(`${plural}.${group} is not in the table`);
  return found;
}

export const podDefinition = find('', 'pods');
export const nodeDefinition = find('', 'nodes');
export const serviceAccountDefinition = find('', 'serviceaccounts');
export const secretDefinition = find('', 'secrets');
