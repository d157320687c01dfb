import {equal, isObject, type JsonObject, listAt, objectAt, objectsAt} from '../json.ts';
import {type MergeFields, type MergeRule, noFields} from './merge-keys.ts';
import {strategicMerge} from './strategic.ts';

export type Stamp = {readonly manager: string; readonly time: string; readonly apiVersion: string};

/**
 * Server-side apply, treated as a merge: the applied fields win, and what this manager applied before and no
 * longer names is removed. Conflicts with other managers are not detected.
 */
export function applyObject(
  old: JsonObject,
  applied: JsonObject,
  fields: MergeFields,
  stamp: Stamp,
): JsonObject {
  const managed = listAt(old, 'metadata', 'managedFields');
  const own = managed.find((entry) => isOwn(entry, stamp));
  const set = fieldSet(withoutIdentity(applied), fields);
  const cleared = clear(old, objectAt(own, 'fieldsV1'), set, fields);
  const merged = strategicMerge(cleared, applied, fields);
  const same = own !== undefined && equal(objectAt(own, 'fieldsV1'), set);
  const entry = {
    manager: stamp.manager,
    operation: 'Apply',
    apiVersion: stamp.apiVersion,
    time: same ? objectAt(own).time : stamp.time,
    fieldsType: 'FieldsV1',
    fieldsV1: set,
  };
  const managedFields = [...managed.filter((e) => !isOwn(e, stamp)), entry];
  return {...merged, metadata: {...objectAt(merged, 'metadata'), managedFields}};
}

function isOwn(entry: unknown, stamp: Stamp): boolean {
  return isObject(entry) && entry.manager === stamp.manager && entry.operation === 'Apply';
}

function withoutIdentity(applied: JsonObject): JsonObject {
  const {apiVersion, kind, metadata, ...rest} = applied;
  const {name, namespace, managedFields, resourceVersion, uid, ...own} = objectAt({metadata}, 'metadata');
  return Object.keys(own).length === 0 ? rest : {...rest, metadata: own};
}

/** The FieldsV1 form of an object: `f:name` for fields, `k:{…}` for elements merged by key. */
function fieldSet(value: JsonObject, fields: MergeFields): JsonObject {
  const set: JsonObject = {};
  for (const [name, field] of Object.entries(value)) {
    const rule = fields(name);
    if (isObject(field)) set[`f:${name}`] = fieldSet(field, rule?.fields ?? noFields);
    else if (rule?.key !== undefined) {
      const key = rule.key;
      const elements = objectsAt(value, name).map((item) => [
        `k:${JSON.stringify({[key]: item[key]})}`,
        {'.': {}, ...fieldSet(item, rule.fields)},
      ]);
      set[`f:${name}`] = Object.fromEntries(elements);
    } else if (rule?.set)
      set[`f:${name}`] = Object.fromEntries(listAt(value, name).map((v) => [`v:${JSON.stringify(v)}`, {}]));
    else set[`f:${name}`] = {};
  }
  return set;
}

/** Removes from an object the fields that were in `before` and are not in `now`. */
function clear(object: JsonObject, before: JsonObject, now: JsonObject, fields: MergeFields): JsonObject {
  const result = {...object};
  for (const [mark, inner] of Object.entries(before)) {
    if (!mark.startsWith('f:')) continue;
    const name = mark.slice(2);
    const kept = now[mark];
    if (kept === undefined && Object.keys(objectAt(before, mark)).length === 0) delete result[name];
    else
      result[name] = clearInside(result[name], objectAt({inner}, 'inner'), objectAt(now, mark), fields(name));
    if (result[name] === undefined) delete result[name];
  }
  return result;
}

function clearInside(value: unknown, before: JsonObject, now: JsonObject, rule: MergeRule | undefined) {
  if (isObject(value)) {
    const cleared = clear(value, before, now, rule?.fields ?? noFields);
    return Object.keys(cleared).length === 0 && Object.keys(now).length === 0 ? undefined : cleared;
  }
  if (!Array.isArray(value) || Object.keys(before).length === 0) return value;
  const key = rule?.key;
  const markOf = (item: unknown) =>
    key === undefined
      ? `v:${JSON.stringify(item)}`
      : `k:${JSON.stringify({[key]: objectAt({item}, 'item')[key]})}`;
  return value
    .filter((item) => before[markOf(item)] === undefined || now[markOf(item)] !== undefined)
    .map((item) =>
      isObject(item) && before[markOf(item)] !== undefined
        ? clear(item, objectAt(before, markOf(item)), objectAt(now, markOf(item)), rule?.fields ?? noFields)
        : item,
    );
}
