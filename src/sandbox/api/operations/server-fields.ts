import type {Obj} from '../../contract.ts';
import {type JsonObject, listAt, objectAt, objectsAt} from '../../json.ts';
import {type Definition, hasSubresource} from '../../resources/definition.ts';

/** A writer owns its part of an object only: spec, or status, or what its subresource is about. */
export function keepServerFields(
  definition: Definition,
  wanted: Obj,
  old: Obj,
  subresource: string | undefined,
): Obj {
  const metadata = subresource === undefined ? wanted.metadata : partMetadata(definition, wanted, old);
  const object: Obj = {...partOf(wanted, old, subresource), metadata: serverMetadata(metadata, old)};
  if (subresource === undefined && hasSubresource(definition, 'status')) object.status = old.status;
  if (object.status === undefined) delete object.status;
  return object;
}

/** The old object with the part that a subresource is about taken from the new one. */
function partOf(wanted: Obj, old: Obj, subresource: string | undefined): Obj {
  switch (subresource) {
    case undefined:
      return wanted;
    case 'finalize':
      return {...old, spec: wanted.spec};
    case 'binding':
      return {
        ...old,
        spec: {...objectAt(old, 'spec'), nodeName: objectAt(wanted, 'spec').nodeName},
        status: wanted.status,
      };
    case 'ephemeralcontainers':
      return {
        ...old,
        spec: {...objectAt(old, 'spec'), ephemeralContainers: listAt(wanted, 'spec', 'ephemeralContainers')},
      };
    case 'resize':
      return {...old, spec: resized(objectAt(old, 'spec'), objectAt(wanted, 'spec'))};
    default:
      return {...old, status: wanted.status};
  }
}

/** pods/resize changes the resources and resize policies of containers, nothing else. */
function resized(old: JsonObject, wanted: JsonObject): JsonObject {
  const spec = {...old};
  for (const list of ['containers', 'initContainers'])
    if (Array.isArray(old[list]))
      spec[list] = objectsAt(old, list).map((container) => {
        const found = objectsAt(wanted, list).find((c) => c.name === container.name);
        const {resources = container.resources, resizePolicy = container.resizePolicy} = found ?? {};
        return {...container, resources, resizePolicy};
      });
  return wanted.resources === undefined ? spec : {...spec, resources: wanted.resources};
}

function partMetadata(definition: Definition, wanted: Obj, old: Obj): Obj['metadata'] {
  if (!definition.strategy.statusTakesMetadata) return old.metadata;
  const {labels, annotations} = wanted.metadata;
  return {...old.metadata, labels, annotations};
}

/** What only the server sets stays as it was, whatever the writer sent. */
function serverMetadata(metadata: Obj['metadata'], old: Obj): Obj['metadata'] {
  const before = old.metadata;
  const kept: Obj['metadata'] = {...metadata, name: before.name, uid: before.uid};
  const fields = [
    'namespace',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'generateName',
  ] as const;
  delete kept.selfLink;
  for (const field of fields) delete kept[field];
  return {...kept, ...pick(before, fields), resourceVersion: before.resourceVersion};
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> | object {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]));
}
