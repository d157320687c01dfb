import {pods as podResource} from '../../lib/resources.ts';
import type {Admit, Lookup, Write} from '../admission/types.ts';
import type {Obj} from '../contract.ts';
import {equal, listAt, objectAt, textAt} from '../json.ts';
import {collectionOf} from '../resources/definition.ts';
import {forbidden, notFound, type StatusError} from '../status.ts';
import {nodeNameOf} from './node-authorizer.ts';
import {references} from './node-graph.ts';

const mirror = 'kubernetes.io/config.mirror';
const restrictedPrefix = 'node-restriction.kubernetes.io/';

/** plugin/pkg/admission/noderestriction: a kubelet may write only what is its node's. */
export function withNodeRestriction(next: Admit): Admit {
  return (request, lookup) => {
    const node = nodeNameOf(request.user);
    if (node !== undefined) restrict(node, request, lookup);
    // An eviction writes nothing by itself: there is nothing to default or to validate.
    return request.subresource === 'eviction' ? request.object : next(request, lookup);
  };
}

function restrict(node: string, request: Write<Obj>, lookup: Lookup): void {
  switch (collectionOf(request.resource)) {
    case '/pods':
      restrictPod(node, request, lookup);
      break;
    case '/nodes':
      restrictNode(node, request);
      break;
    case 'coordination.k8s.io/leases':
    case 'storage.k8s.io/csinodes':
      if (request.object.metadata.name !== node)
        throw refuse(request, node, `can only access an object with the same name as the requesting node`);
  }
}

function refuse(request: Write<Obj>, node: string, why: string): StatusError {
  return forbidden(request.resource, request.object.metadata.name, `node "${node}" ${why}`);
}

function restrictPod(node: string, request: Write<Obj>, lookup: Lookup): void {
  const {operation, subresource, object} = request;
  if (subresource === 'eviction') {
    const found = lookup.get(podResource, request.namespace, object.metadata.name);
    if (found === undefined) throw notFound(request.resource, object.metadata.name);
    if (found.spec.nodeName !== node)
      throw refuse(request, node, 'can only evict pods with spec.nodeName set to itself');
    return;
  }
  if (operation === 'CREATE') restrictMirrorPod(node, request);
  else restrictPodStatus(node, request);
}

function restrictPodStatus(node: string, request: Write<Obj>): void {
  const {subresource, object: pod, old} = request;
  if (subresource !== 'status') throw refuse(request, node, 'can only update pod status');
  if (textAt(old ?? pod, 'spec', 'nodeName') !== node)
    throw refuse(request, node, 'can only update pod status for pods with spec.nodeName set to itself');
  if (old !== undefined && !equal(pod.metadata.labels ?? {}, old.metadata.labels ?? {}))
    throw refuse(request, node, 'cannot update labels through pod status');
}

function restrictMirrorPod(node: string, request: Write<Obj>): void {
  const pod = request.object;
  if (pod.metadata.annotations?.[mirror] === undefined)
    throw forbidden(
      request.resource,
      pod.metadata.name,
      `pod does not have "${mirror}" annotation, node "${node}" can only create mirror pods`,
    );
  if (textAt(pod, 'spec', 'nodeName') !== node)
    throw refuse(request, node, 'can only create pods with spec.nodeName set to itself');
  for (const kind of ['serviceaccounts', 'secrets', 'configmaps', 'persistentvolumeclaims'] as const)
    if (references(pod, kind).some((name) => name !== ''))
      throw refuse(request, node, `can not create pods that reference ${kind}`);
  const owners = pod.metadata.ownerReferences ?? [];
  if (owners.some((owner) => owner.kind !== 'Node' || owner.name !== node))
    throw refuse(request, node, 'can only create pods with an owner reference set to itself');
}

function restrictNode(node: string, request: Write<Obj>): void {
  const {operation, object, old} = request;
  const {name, labels = {}} = object.metadata;
  if (name !== node) throw refuse(request, node, `is not allowed to modify node "${name}"`);
  const before = operation === 'CREATE' ? {} : (old?.metadata.labels ?? {});
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(before)])].filter(
    (key) => labels[key] !== before[key],
  );
  const wrong = changed.filter((key) => !mayLabel(key));
  if (wrong.length > 0)
    throw refuse(request, node, `is not allowed to set the following labels: ${wrong.join(', ')}`);
  if (old === undefined) return;
  const [spec, oldSpec] = [objectAt(object, 'spec'), objectAt(old, 'spec')];
  if (!equal(listAt(spec, 'taints'), listAt(oldSpec, 'taints')))
    throw refuse(request, node, 'is not allowed to modify taints');
  if (!equal(object.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? []))
    throw refuse(request, node, 'is not allowed to modify ownerReferences');
}

const ownLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.kubernetes.io/region',
  'failure-domain.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);

/** kubeletapis.IsKubeletLabel, and everything outside Kubernetes' own domains. */
function mayLabel(key: string): boolean {
  if (key.startsWith(restrictedPrefix)) return false;
  const slash = key.indexOf('/');
  const domain = slash < 0 ? '' : key.slice(0, slash);
  const reserved = ['kubernetes.io', 'k8s.io'].some((d) => domain === d || domain.endsWith(`.${d}`));
  if (!reserved || ownLabels.has(key)) return true;
  return ['kubelet.kubernetes.io', 'node.kubernetes.io'].some(
    (d) => domain === d || domain.endsWith(`.${d}`),
  );
}
