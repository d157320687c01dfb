import {isObject, type JsonObject} from '../../lib/text/json.ts';
import {type Field, type Struct, structOf, typeName} from './types.ts';

export type Conformed = {readonly object: JsonObject; readonly unknown: readonly string[]};

/**
 * A body as Kubernetes' decoder takes it: fields that the kind does not have are left out and named, nulls are
 * absent, and a value of another type is refused. The result shares nothing with what was given.
 * @throws Mismatch
 */
export function conform(group: string, kind: string, body: JsonObject): Conformed {
  const struct = structOf(typeName(group, kind));
  const unknown: string[] = [];
  if (struct === undefined) return {object: structuredClone(body), unknown};
  const {apiVersion, kind: named, ...rest} = body;
  const object = {apiVersion, kind: named, ...decodeStruct(struct, rest, '', unknown)};
  return {object, unknown};
}

/** A value of another type than its field has; the message is Go's. */
export class Mismatch extends Error {}

function decodeStruct(struct: Struct, value: JsonObject, path: string, unknown: string[]): JsonObject {
  const result: JsonObject = {};
  for (const [name, item] of Object.entries(value)) {
    const field = struct.fields.get(name);
    const at = path === '' ? name : `${path}.${name}`;
    if (field === undefined) unknown.push(at);
    else if (item !== null && item !== undefined)
      result[name] = decodeField(field, item, at, struct, unknown);
  }
  emptyAsGo(struct, result);
  return result;
}

/** etcd keeps no empty list or map: Go reads nil, and writes null where the field has no omitempty, else nothing. */
function emptyAsGo(struct: Struct, result: JsonObject): void {
  for (const {name, shape, always} of struct.fields.values()) {
    if (shape === 'one') continue;
    const value = result[name] ?? [];
    if (Array.isArray(value) ? value.length > 0 : !isObject(value) || Object.keys(value).length > 0) continue;
    if (always) result[name] = null;
    else delete result[name];
  }
}

function decodeField(field: Field, value: unknown, at: string, owner: Struct, unknown: string[]): unknown {
  switch (field.shape) {
    case 'list':
      if (!Array.isArray(value)) throw mismatch(value, at, owner, `[]${field.of}`);
      return value.map((item, index) => decodeOne(field.of, item, `${at}[${index}]`, owner, unknown));
    case 'map':
      if (!isObject(value)) throw mismatch(value, at, owner, `map[string]${field.of}`);
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          // A null in a map of strings is the empty string to Go.
          item === null && field.of === 'string'
            ? ''
            : decodeOne(field.of, item, `${at}.${key}`, owner, unknown),
        ]),
      );
    default:
      return decodeOne(field.of, value, at, owner, unknown);
  }
}

function decodeOne(type: string, value: unknown, at: string, owner: Struct, unknown: string[]): unknown {
  const struct = structOf(type);
  if (struct !== undefined) {
    if (!isObject(value)) throw mismatch(value, at, owner, type);
    return decodeStruct(struct, value, at, unknown);
  }
  if (type === 'raw') return structuredClone(value);
  if (type === 'quantity' && typeof value === 'number') return String(value);
  if (!plainTypes[type]?.(value)) throw mismatch(value, at, owner, type);
  return Array.isArray(value) ? [...value] : value;
}

const isText = (value: unknown) => typeof value === 'string';

const plainTypes: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: isText,
  bool: (value) => typeof value === 'boolean',
  int: (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
  bytes: (value) => typeof value === 'string' && /^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/.test(value),
  quantity: isText,
  intOrString: (value) => typeof value === 'string' || Number.isInteger(value),
  time: isTime,
  microTime: isTime,
  extra: (value) => Array.isArray(value) && value.every(isText),
};

function isTime(value: unknown): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function mismatch(value: unknown, at: string, owner: Struct, type: string): Mismatch {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return new Mismatch(
    `json: cannot unmarshal ${found} into Go struct field ${owner.name.split('.')[1]}.${at} of type ${type}`,
  );
}
