import type {KubeObject, Namespace, ServiceAccount} from '../../../../src/lib/kubernetes.ts';
import type {Resource} from '../../../../src/lib/resources.ts';
import {namespaces, serviceAccounts} from '../../../../src/lib/resources.ts';
import {createAdmission} from '../../../../src/sandbox/admission/admit.ts';
import type {Lookup} from '../../../../src/sandbox/admission/types.ts';

const metadata = (name: string, namespace?: string) => ({
  name,
  namespace,
  uid: `uid-${name}`,
  resourceVersion: '1',
});

/** A store of plain objects, with a namespace and its account, and admission in front of it. */
export function world(
  options: {serviceCidrs?: readonly string[]; nodePorts?: {first: number; last: number}} = {},
) {
  const objects = new Map<string, KubeObject>();
  const at = (resource: Resource, namespace: string | undefined, name: string) =>
    `${resource.plural}/${namespace ?? ''}/${name}`;
  const isOf = <T extends KubeObject>(_: Resource<T>, object: KubeObject | undefined): object is T =>
    object !== undefined;
  const lookup: Lookup = {
    get(resource, namespace, name) {
      const object = objects.get(at(resource, namespace, name));
      return isOf(resource, object) ? object : undefined;
    },
    *list(resource, namespace) {
      for (const [key, object] of objects)
        if (key.startsWith(`${resource.plural}/${namespace ?? ''}`) && isOf(resource, object)) yield object;
    },
  };
  const put = (resource: Resource, object: KubeObject) =>
    objects.set(at(resource, object.metadata.namespace, object.metadata.name), object);
  const namespace: Namespace = {metadata: metadata('default'), status: {phase: 'Active'}};
  const account: ServiceAccount = {metadata: {...metadata('default', 'default'), namespace: 'default'}};
  put(namespaces, namespace);
  put(serviceAccounts, account);
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const admit = createAdmission({
    serviceCidrs: options.serviceCidrs ?? ['10.96.0.0/24'],
    nodePorts: options.nodePorts,
    random,
  });
  /** Admits and stores, as the server does. `old` makes it an update. */
  const write = (resource: Resource, given: object, old?: KubeObject, subresource?: string): unknown => {
    const body = structuredClone(given);
    const name = nameOf(body);
    const object = {
      apiVersion: 'v1',
      kind: resource.kind,
      ...body,
      metadata: {...metadata(name, resource.namespaced ? 'default' : undefined), ...metadataOf(body)},
    };
    const admitted = admit(
      {
        operation: old === undefined ? 'CREATE' : 'UPDATE',
        resource,
        subresource,
        object,
        old: old === undefined ? undefined : {apiVersion: 'v1', kind: resource.kind, ...structuredClone(old)},
        user: {username: 'someone', groups: ['system:authenticated']},
        namespace: resource.namespaced ? 'default' : undefined,
      },
      lookup,
    );
    put(resource, admitted);
    return JSON.parse(JSON.stringify(admitted));
  };
  const remove = (resource: Resource, name: string) => objects.delete(at(resource, 'default', name));
  return {write, put, remove, lookup};
}

function metadataOf(object: object): object {
  return 'metadata' in object && typeof object.metadata === 'object' && object.metadata !== null
    ? object.metadata
    : {};
}

function nameOf(object: object): string {
  const meta = metadataOf(object);
  return 'name' in meta && typeof meta.name === 'string' ? meta.name : 'thing';
}

/** What a refusal says. */
export function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'was accepted';
}
