import {equal, isObject, type JsonObject, listAt} from '../json.ts';
import {badRequest} from '../status.ts';
import {type MergeFields, type MergeRule, noFields} from './merge-keys.ts';

const orderPrefix = '$setElementOrder/';
const deletePrefix = '$deleteFromPrimitiveList/';

/** Strategic merge patch (apimachinery/pkg/util/strategicpatch). Neither argument is changed. */
export function strategicMerge(original: JsonObject, patch: JsonObject, fields: MergeFields): JsonObject {
  switch (patch.$patch) {
    case undefined:
    case 'merge':
      break;
    case 'replace':
      return plain({...patch, $patch: undefined});
    case 'delete':
      return {};
    default:
      throw badRequest(`Unknown patch type: ${JSON.stringify(patch.$patch)}`);
  }
  const result = retained(original, patch.$retainKeys);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(deletePrefix)) {
      const field = key.slice(deletePrefix.length);
      result[field] = listAt(result, field).filter((item) => !listAt(patch, key).includes(item));
    } else if (!key.startsWith('$')) {
      const merged = mergeField(result[key], value, fields(key), patch[`${orderPrefix}${key}`]);
      if (merged === undefined) delete result[key];
      else result[key] = merged;
    }
  }
  orderOnly(result, patch, fields);
  return result;
}

/** Lists whose order is given without any change of their elements. */
function orderOnly(result: JsonObject, patch: JsonObject, fields: MergeFields): void {
  for (const [key, order] of Object.entries(patch)) {
    const field = key.startsWith(orderPrefix) ? key.slice(orderPrefix.length) : undefined;
    if (field === undefined || patch[field] !== undefined || !Array.isArray(result[field])) continue;
    const list = result[field];
    result[field] = ordered(list, list, order, identity(fields(field)));
  }
}

function retained(original: JsonObject, keys: unknown): JsonObject {
  if (!Array.isArray(keys)) return {...original};
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.includes(key)));
}

function mergeField(old: unknown, value: unknown, rule: MergeRule | undefined, order: unknown): unknown {
  if (value === null) return undefined;
  if (isObject(value)) return strategicMerge(isObject(old) ? old : {}, value, rule?.fields ?? noFields);
  if (!Array.isArray(value)) return value;
  const list = Array.isArray(old) ? old : [];
  if (rule?.set) return ordered(union(list, value), list, order, (item) => item);
  if (rule?.key === undefined) return value.map(plainValue);
  return ordered(mergeList(list, value, rule.key, rule.fields), list, order, identity(rule));
}

function union(list: readonly unknown[], more: readonly unknown[]): unknown[] {
  return [...list, ...more.filter((item, i) => !list.includes(item) && more.indexOf(item) === i)];
}

function mergeList(
  list: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  fields: MergeFields,
): unknown[] {
  const items = patch.filter(isObject);
  const replace = items.some((item) => item.$patch === 'replace');
  if (replace) return items.filter((item) => item.$patch !== 'replace').map(plain);
  const result = [...list];
  for (const item of items) {
    if (item[key] === undefined)
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const index = result.findIndex((known) => isObject(known) && equal(known[key], item[key]));
    const known = result[index];
    if (item.$patch === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (isObject(known)) result[index] = strategicMerge(known, item, fields);
    else result.push(strategicMerge({}, item, fields));
  }
  return result;
}

function identity(rule: MergeRule | undefined): (item: unknown) => unknown {
  const key = rule?.key;
  return key === undefined ? (item) => item : (item) => (isObject(item) ? item[key] : undefined);
}

/**
 * `$setElementOrder`: the named elements in that order; the others stay where they were among them
 * (normalizeElementOrder).
 */
function ordered(
  merged: readonly unknown[],
  before: readonly unknown[],
  order: unknown,
  id: (item: unknown) => unknown,
): unknown[] {
  if (!Array.isArray(order)) return [...merged];
  const wanted = order.map(id);
  const at = (item: unknown) => wanted.indexOf(id(item));
  const named = merged.filter((item) => at(item) >= 0).sort((a, b) => at(a) - at(b));
  const others = merged.filter((item) => at(item) < 0);
  const place = (item: unknown) => before.findIndex((known) => equal(id(known), id(item)));
  const result: unknown[] = [];
  while (named.length > 0 || others.length > 0) {
    const [left, right] = [others[0], named[0]];
    const takeOther =
      right === undefined || (left !== undefined && place(right) >= 0 && place(left) < place(right));
    result.push(takeOther ? others.shift() : named.shift());
  }
  return result;
}

function plainValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainValue);
  return isObject(value) ? plain(value) : value;
}

/** A new value out of a patch: without its directives and nulls. */
function plain(patch: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(patch)
      .filter(([key, value]) => !key.startsWith('$') && value !== null && value !== undefined)
      .map(([key, value]) => [key, plainValue(value)]),
  );
}
