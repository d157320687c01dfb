import type {KubeObject, OwnerReference} from '../../lib/kubernetes.ts';
import {apiVersion, type Resource} from '../../lib/resources.ts';

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

export function controllerUid(object: KubeObject): string | undefined {
  return controllerOf(object)?.uid;
}

/** metav1.NewControllerRef. */
export function controllerRef(resource: Resource, owner: KubeObject): OwnerReference {
  return {
    apiVersion: apiVersion(resource),
    kind: resource.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function nameKey(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

export function keyOf(object: KubeObject): string {
  return nameKey(object.metadata.namespace, object.metadata.name);
}

/** `namespace/name` taken apart. */
export function splitKey(key: string): {namespace: string; name: string} {
  const [namespace = '', name = ''] = key.split('/');
  return {namespace, name};
}
