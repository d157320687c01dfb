import {demanded} from '../api/operations/selectors.ts';
import type {User} from '../contract.ts';
import type {Attributes, Authorizer, ResourceAttributes, Verdict} from './attributes.ts';
import type {NodeGraph} from './node-graph.ts';
import {covers, type Rule} from './rbac.ts';

const prefix = 'system:node:';
const noOpinion: Verdict = {allowed: false, reason: ''};
const allowed: Verdict = {allowed: true, reason: ''};
const no = (reason: string): Verdict => ({allowed: false, reason});
const reading = ['get', 'list', 'watch'];

/** The name of the node that a user is; undefined for anybody else (nodeidentifier). */
export function nodeNameOf(user: User): string | undefined {
  if (!user.username.startsWith(prefix) || !user.groups.includes('system:nodes')) return undefined;
  return user.username.slice(prefix.length);
}

/** plugin/pkg/auth/authorizer/node, with AuthorizeNodeWithSelectors: a node sees and changes only its own. */
export function nodeAuthorizer(graph: NodeGraph): Authorizer {
  return (attributes) => {
    const node = nodeNameOf(attributes.user);
    const {resource} = attributes;
    if (node === undefined || resource === undefined) return noOpinion;
    return verdict(graph, node, attributes, resource);
  };
}

function verdict(
  graph: NodeGraph,
  node: string,
  attributes: Attributes,
  resource: ResourceAttributes,
): Verdict {
  const {verb} = attributes;
  const {namespace = '', name} = resource;
  switch (`${resource.group}/${resource.plural}`) {
    case '/secrets':
    case '/configmaps':
      return referenced(graph, node, verb, resource);
    case '/persistentvolumeclaims':
      if (resource.subresource === 'status') return plain(attributes);
      return onlyGet(verb, resource, () => graph.uses(node, 'persistentvolumeclaims', namespace, name ?? ''));
    case '/persistentvolumes':
      return onlyGet(verb, resource, () => graph.usesVolume(node, name ?? ''));
    case '/serviceaccounts':
      return serviceAccount(graph, node, verb, resource);
    case '/pods':
      return pod(graph, node, attributes, resource);
    case '/nodes':
      return own(node, attributes, resource);
    case 'coordination.k8s.io/leases':
      return lease(node, verb, resource);
    case 'storage.k8s.io/csinodes':
      return csiNode(node, verb, resource);
    case 'resource.k8s.io/resourceclaims':
      return onlyGet(verb, resource, () => graph.uses(node, 'resourceclaims', namespace, name ?? ''));
    case 'resource.k8s.io/resourceslices':
      return resourceSlice(node, verb, resource, () => graph.nodeOfSlice(name ?? ''));
    default:
      return plain(attributes);
  }
}

function referenced(graph: NodeGraph, node: string, verb: string, resource: ResourceAttributes): Verdict {
  const {namespace, name, subresource} = resource;
  if (!reading.includes(verb) || subresource !== undefined) return no('can only read resources of this type');
  // A list or a watch counts as reading one object when its field selector names it.
  if (name === undefined) return no('No Object name found');
  const kind = resource.plural === 'secrets' ? 'secrets' : 'configmaps';
  return related(node, graph.uses(node, kind, namespace ?? '', name));
}

function related(node: string, is: boolean): Verdict {
  return is ? allowed : no(`no relationship found between node '${node}' and this object`);
}

function onlyGet(verb: string, resource: ResourceAttributes, is: () => boolean): Verdict {
  if (verb !== 'get' || resource.subresource !== undefined)
    return no('can only get individual resources of this type');
  return is() ? allowed : no('no relationship found between node and this object');
}

function serviceAccount(graph: NodeGraph, node: string, verb: string, resource: ResourceAttributes): Verdict {
  const {namespace = '', name = '', subresource} = resource;
  const asks =
    (verb === 'create' && subresource === 'token') || (verb === 'get' && subresource === undefined);
  if (!asks) return no('can only create tokens for individual service accounts');
  return related(node, graph.uses(node, 'serviceaccounts', namespace, name));
}

function pod(graph: NodeGraph, node: string, attributes: Attributes, resource: ResourceAttributes): Verdict {
  const {verb} = attributes;
  const {name, namespace, subresource} = resource;
  const isOwn = () =>
    graph.pods(node).some((p) => p.metadata.name === name && p.metadata.namespace === namespace);
  if (verb === 'delete' && subresource === undefined) {
    // What is already gone is answered with 404, not with a refusal that the kubelet would retry.
    const elsewhere = graph.exists(namespace, name) && !isOwn();
    return elsewhere ? no('can only delete pods with spec.nodeName set to itself') : plain(attributes);
  }
  if (subresource !== undefined || !reading.includes(verb)) return plain(attributes);
  if (verb === 'get') return related(node, isOwn());
  const selects = demanded(resource.fieldSelector ?? '', 'spec.nodeName') === node;
  if (selects || (name !== undefined && isOwn())) return allowed;
  return no('can only list/watch pods with spec.nodeName field selector');
}

function own(node: string, attributes: Attributes, resource: ResourceAttributes): Verdict {
  const {verb} = attributes;
  if (resource.subresource !== undefined || verb === 'create') return plain(attributes);
  if (![...reading, 'update', 'patch'].includes(verb)) return noOpinion;
  if (resource.name === node) return allowed;
  return no(`node '${node}' cannot read '${resource.name ?? ''}', only its own Node object`);
}

function lease(node: string, verb: string, resource: ResourceAttributes): Verdict {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb))
    return no('can only get, create, update, patch, or delete a node lease');
  if (resource.namespace !== 'kube-node-lease')
    return no('can only access leases in the "kube-node-lease" system namespace');
  if (verb !== 'create' && resource.name !== node)
    return no('can only access node lease with the same name as the requesting node');
  return allowed;
}

function csiNode(node: string, verb: string, resource: ResourceAttributes): Verdict {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb) || resource.subresource !== undefined)
    return no('can only get, create, update, patch, or delete a CSINode');
  if (verb !== 'create' && resource.name !== node)
    return no('can only access CSINode with the same name as the requesting node');
  return allowed;
}

/** Of its own drivers' slices (authorizeResourceSlice). */
function resourceSlice(
  node: string,
  verb: string,
  resource: ResourceAttributes,
  nodeOf: () => string | undefined,
): Verdict {
  if (verb === 'create') return allowed;
  if (['get', 'update', 'patch', 'delete'].includes(verb)) return related(node, nodeOf() === node);
  if (!['list', 'watch', 'deletecollection'].includes(verb)) return no('unsupported verb for ResourceSlice');
  if (demanded(resource.fieldSelector ?? '', 'spec.nodeName') === node) return allowed;
  return no('can only list/watch/deletecollection resourceslices with spec.nodeName field selector');
}

const rule = (apiGroup: string, resources: string[], verbs: string[]): Rule => ({
  apiGroups: [apiGroup],
  resources,
  verbs,
  resourceNames: [],
  nonResourceURLs: [],
});

/** bootstrappolicy.NodeRules, less what is decided above. What they allow, NodeRestriction narrows. */
const rules: readonly Rule[] = [
  rule('authentication.k8s.io', ['tokenreviews'], ['create']),
  rule('authorization.k8s.io', ['subjectaccessreviews', 'localsubjectaccessreviews'], ['create']),
  rule('', ['services'], reading),
  rule('', ['nodes'], ['create']),
  rule('', ['nodes/status'], ['update', 'patch']),
  rule('', ['events'], ['create', 'update', 'patch']),
  rule('events.k8s.io', ['events'], ['create', 'update', 'patch']),
  rule('', ['pods'], ['create', 'delete']),
  rule('', ['pods/status'], ['update', 'patch']),
  rule('', ['pods/eviction'], ['create']),
  rule('', ['persistentvolumeclaims/status'], ['get', 'update', 'patch']),
  rule('', ['endpoints'], ['get']),
  rule('certificates.k8s.io', ['certificatesigningrequests'], ['create', 'get', 'list', 'watch']),
  rule('storage.k8s.io', ['volumeattachments'], ['get']),
  rule('storage.k8s.io', ['csidrivers'], reading),
  rule('node.k8s.io', ['runtimeclasses'], reading),
];

function plain(attributes: Attributes): Verdict {
  return rules.some((r) => covers(r, attributes)) ? allowed : noOpinion;
}
