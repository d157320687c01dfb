import type {KubeObject} from '../../../lib/kubernetes.ts';
import type {Resource} from '../../../lib/resources.ts';
import type {Lookup} from '../../admission/types.ts';
import {collectionOf} from '../../resources/definition.ts';
import {keyOf, type Store} from '../../store/store.ts';

/** The store as admission sees it: the stored objects themselves, not copies. */
export function lookupOf(store: Store): Lookup {
  const isOf = <T extends KubeObject>(resource: Resource<T>, object: KubeObject): object is T =>
    object.kind === resource.kind;
  return {
    get(resource, namespace, name) {
      const object = store.get(collectionOf(resource), keyOf(namespace, name))?.object;
      return object !== undefined && isOf(resource, object) ? object : undefined;
    },
    *list(resource, namespace) {
      for (const {object} of store.values(collectionOf(resource)))
        if ((namespace === undefined || object.metadata.namespace === namespace) && isOf(resource, object))
          yield object;
    },
  };
}
