import type {Obj} from '../contract.ts';
import {type JsonObject, objectAt, objectsAt, textAt} from '../json.ts';
import {keyOf, type Store} from '../store/store.ts';

/** Which pods run on which node, kept up to date with the store: what the node authorizer's answers rest on. */
export class NodeGraph {
  readonly #store: Store;
  readonly #byNode = new Map<string, Set<string>>();

  constructor(store: Store) {
    this.#store = store;
    for (const {object} of store.values('/pods')) this.#add(object);
    store.subscribe('/pods', ({before, now}) => {
      if (before !== undefined) this.#remove(before.object);
      if (now !== undefined) this.#add(now.object);
    });
  }

  pods(node: string): Obj[] {
    const found: Obj[] = [];
    for (const key of this.#byNode.get(node) ?? []) {
      const pod = this.#store.get('/pods', key)?.object;
      if (pod !== undefined) found.push(pod);
    }
    return found;
  }

  exists(namespace: string | undefined, name: string | undefined): boolean {
    return this.#store.get('/pods', keyOf(namespace, name ?? '')) !== undefined;
  }

  /** Whether a pod of this node uses an object of its namespace, or a secret that one of its volumes names. */
  uses(node: string, kind: ReferencedKind, namespace: string, name: string): boolean {
    const named = this.pods(node).some(
      (pod) => pod.metadata.namespace === namespace && references(pod, kind).includes(name),
    );
    if (named || kind !== 'secrets') return named;
    return this.#volumes(node).some((volume) =>
      volumeSecrets(volume).some((secret) => secret.namespace === namespace && secret.name === name),
    );
  }

  usesVolume(node: string, name: string): boolean {
    return this.#volumes(node).some(({metadata}) => metadata.name === name);
  }

  /** The node that a ResourceSlice is about. */
  nodeOfSlice(name: string): string | undefined {
    const slice = this.#store.get('resource.k8s.io/resourceslices', keyOf(undefined, name))?.object;
    return textAt(slice, 'spec', 'nodeName');
  }

  /** The persistent volumes that the pods of a node claim. */
  #volumes(node: string): Obj[] {
    return this.pods(node).flatMap((pod) =>
      references(pod, 'persistentvolumeclaims').flatMap((claim) => {
        const key = keyOf(pod.metadata.namespace, claim);
        const stored = this.#store.get('/persistentvolumeclaims', key)?.object;
        const volume = textAt(stored, 'spec', 'volumeName');
        return volume ? (this.#store.get('/persistentvolumes', keyOf(undefined, volume))?.object ?? []) : [];
      }),
    );
  }

  #add(pod: Obj): void {
    const node = textAt(pod, 'spec', 'nodeName');
    if (!node) return;
    const set = this.#byNode.get(node) ?? new Set();
    set.add(keyOf(pod.metadata.namespace, pod.metadata.name));
    this.#byNode.set(node, set);
  }

  #remove(pod: Obj): void {
    const set = this.#byNode.get(textAt(pod, 'spec', 'nodeName') ?? '');
    set?.delete(keyOf(pod.metadata.namespace, pod.metadata.name));
  }
}

export type ReferencedKind =
  | 'secrets'
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'resourceclaims'
  | 'serviceaccounts';

/** The names of one kind that a pod's spec refers to (podutil.VisitPodSecretNames and its sisters). */
export function references(pod: Obj, kind: ReferencedKind): string[] {
  switch (kind) {
    case 'serviceaccounts':
      return present([textAt(pod, 'spec', 'serviceAccountName')]);
    case 'persistentvolumeclaims':
      return present(
        objectsAt(pod, 'spec', 'volumes').map((volume) =>
          volume.ephemeral === undefined
            ? textAt(volume, 'persistentVolumeClaim', 'claimName')
            : `${pod.metadata.name}-${textAt(volume, 'name')}`,
        ),
      );
    case 'resourceclaims':
      return present([
        ...objectsAt(pod, 'spec', 'resourceClaims').map((claim) => textAt(claim, 'resourceClaimName')),
        ...objectsAt(pod, 'status', 'resourceClaimStatuses').map((made) => textAt(made, 'resourceClaimName')),
        textAt(pod, 'status', 'extendedResourceClaimStatus', 'resourceClaimName'),
      ]);
    case 'configmaps':
      return present([...environment(pod, 'configMapRef', 'configMapKeyRef'), ...volumes(pod, configMapOf)]);
    case 'secrets':
      return present([
        ...objectsAt(pod, 'spec', 'imagePullSecrets').map((secret) => textAt(secret, 'name')),
        ...environment(pod, 'secretRef', 'secretKeyRef'),
        ...volumes(pod, secretOf),
        ...objectsAt(pod, 'spec', 'volumes').flatMap(driverSecrets),
      ]);
  }
}

const configMapOf = (source: JsonObject) => textAt(source, 'configMap', 'name');
const secretOf = (source: JsonObject) =>
  textAt(source, 'secret', 'secretName') ?? textAt(source, 'secret', 'name');

const drivers: readonly (readonly [string, string])[] = [
  ['csi', 'nodePublishSecretRef'],
  ['cephfs', 'secretRef'],
  ['flexVolume', 'secretRef'],
  ['iscsi', 'secretRef'],
  ['rbd', 'secretRef'],
  ['scaleIO', 'secretRef'],
  ['storageos', 'secretRef'],
];

/** The secrets of a persistent volume that are for nodes (pvutil.VisitPVSecretNames, kubeletVisible). */
function volumeSecrets(volume: Obj): {namespace: string | undefined; name: string | undefined}[] {
  return ['nodeStageSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef'].map((field) => ({
    namespace: textAt(volume, 'spec', 'csi', field, 'namespace'),
    name: textAt(volume, 'spec', 'csi', field, 'name'),
  }));
}

function driverSecrets(volume: JsonObject): (string | undefined)[] {
  const named = drivers.map(([driver, field]) => textAt(volume, driver, field, 'name'));
  return [...named, textAt(volume, 'azureFile', 'secretName')];
}

/** A volume's own source and those of a projected volume. */
function volumes(pod: Obj, read: (source: JsonObject) => string | undefined): (string | undefined)[] {
  return objectsAt(pod, 'spec', 'volumes').flatMap((volume) => [
    read(volume),
    ...objectsAt(volume, 'projected', 'sources').map(read),
  ]);
}

function environment(pod: Obj, wholeRef: string, keyRef: string): (string | undefined)[] {
  const spec = objectAt(pod, 'spec');
  const containers = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((l) =>
    objectsAt(spec, l),
  );
  return containers.flatMap((container) => [
    ...objectsAt(container, 'envFrom').map((from) => textAt(from, wholeRef, 'name')),
    ...objectsAt(container, 'env').map((variable) => textAt(variable, 'valueFrom', keyRef, 'name')),
  ]);
}

function present(names: readonly (string | undefined)[]): string[] {
  return names.filter((name) => name !== undefined);
}
