import type {Clock} from '../../../lib/time.ts';
import {timestamp} from '../../../lib/time.ts';
import type {Obj} from '../../contract.ts';
import {numberAt, textAt} from '../../json.ts';
import {collectionOf, type Definition} from '../../resources/definition.ts';
import {conflict} from '../../status.ts';
import {keyOf} from '../../store/store.ts';
import {type Registry, releasable} from '../registry.ts';

export type Deletion = {readonly object: Obj; readonly gone: boolean};

/**
 * Deletes as apimachinery's store does: preconditions, grace, finalizers. An object that something still holds is
 * marked instead, and goes with the write that lets it go.
 */
export function deleteObject(
  registry: Registry,
  clock: Clock,
  definition: Definition,
  key: {namespace: string | undefined; name: string},
  options: unknown,
  dryRun: boolean,
): Deletion {
  const old = registry.get(definition, key.namespace, key.name);
  checkPreconditions(definition, old, options);
  const marked = withGarbageFinalizers(mark(definition, old, options, clock.now()), old, options);
  if (dryRun) return {object: marked, gone: releasable(definition, marked)};
  if (releasable(definition, marked)) {
    const last = registry.store.remove(
      collectionOf(definition.resource),
      keyOf(key.namespace, key.name),
      marked,
    );
    return {object: last?.object ?? marked, gone: true};
  }
  return {object: registry.commit(definition, marked, old), gone: false};
}

function checkPreconditions(definition: Definition, old: Obj, options: unknown): void {
  const {uid, resourceVersion, name} = old.metadata;
  const wantedUid = textAt(options, 'preconditions', 'uid');
  const wantedVersion = textAt(options, 'preconditions', 'resourceVersion');
  if (wantedUid !== undefined && wantedUid !== uid)
    throw conflict(
      definition.resource,
      name,
      `Precondition failed: UID in precondition: ${wantedUid}, UID in object meta: ${uid}`,
    );
  if (wantedVersion !== undefined && wantedVersion !== resourceVersion)
    throw conflict(
      definition.resource,
      name,
      `Precondition failed: ResourceVersion in precondition: ${wantedVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
}

/** rest.BeforeDelete: sets when and with how much grace; a delete under way can only be shortened. */
function mark(definition: Definition, old: Obj, options: unknown, nowMs: number): Obj {
  const asked = numberAt(options, 'gracePeriodSeconds');
  const {deletionTimestamp, deletionGracePeriodSeconds} = old.metadata;
  if (deletionTimestamp !== undefined) {
    if (asked === undefined || deletionGracePeriodSeconds === undefined) return {...old};
    const grace = Math.max(0, asked);
    if (grace >= deletionGracePeriodSeconds) return {...old};
    const at = Date.parse(deletionTimestamp) + (grace - deletionGracePeriodSeconds) * 1000;
    return deletingAt(old, at, grace);
  }
  const grace = definition.strategy.graceSeconds?.(old, asked) ?? 0;
  const marked = deletingAt(old, nowMs + grace * 1000, grace);
  const {generation} = marked.metadata;
  if (generation !== undefined) marked.metadata.generation = generation + 1;
  if (definition.strategy.specFinalizers) marked.status = {...statusOf(old), phase: 'Terminating'};
  return marked;
}

function deletingAt(object: Obj, atMs: number, grace: number): Obj {
  return {
    ...object,
    metadata: {...object.metadata, deletionTimestamp: timestamp(atMs), deletionGracePeriodSeconds: grace},
  };
}

function statusOf(object: Obj): object {
  return typeof object.status === 'object' && object.status !== null ? object.status : {};
}

/** What becomes of dependents is written into the finalizers that the garbage collector acts on. */
function withGarbageFinalizers(marked: Obj, old: Obj, options: unknown): Obj {
  const policy = textAt(options, 'propagationPolicy');
  if (policy === undefined) return marked;
  const others = (old.metadata.finalizers ?? []).filter((f) => f !== 'orphan' && f !== 'foregroundDeletion');
  const own = policy === 'Orphan' ? ['orphan'] : policy === 'Foreground' ? ['foregroundDeletion'] : [];
  const metadata = {...marked.metadata, finalizers: [...others, ...own]};
  if (metadata.finalizers.length === 0) return {...marked, metadata: {...metadata, finalizers: undefined}};
  return {...marked, metadata};
}
