import {isObject, type JsonObject} from '../json.ts';

/** JSON merge patch (RFC 7386). Neither argument is changed. */
export function jsonMerge(original: unknown, patch: JsonObject): JsonObject {
  const result: JsonObject = isObject(original) ? {...original} : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = isObject(value) ? jsonMerge(result[key], value) : value;
  }
  return result;
}
