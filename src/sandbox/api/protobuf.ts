import {type Field, type Struct, structOf, typeName} from '../../config/schema/types.ts';
import {isObject, type JsonObject} from '../json.ts';
import {badRequest} from '../status.ts';

export const protobufType = 'application/vnd.kubernetes.protobuf';

const magic = Buffer.from('k8s\0');

/**
 * A body in Kubernetes' protobuf encoding as JSON: kubectl's typed commands (create deployment, create token,
 * auth can-i) send it whatever the server prefers.
 */
export function decodeProtobuf(bytes: Buffer): JsonObject {
  if (!bytes.subarray(0, 4).equals(magic))
    throw badRequest('the body is not in Kubernetes protobuf encoding');
  const envelope = [...records(bytes.subarray(4))];
  const meta = [...records(bytesOf(envelope, 1))];
  const apiVersion = bytesOf(meta, 1).toString();
  const kind = bytesOf(meta, 2).toString();
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  const struct = structOf(kind === 'DeleteOptions' ? 'meta.DeleteOptions' : typeName(group, kind));
  if (struct === undefined) throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`);
  return {apiVersion, kind, ...message(struct, bytesOf(envelope, 2))};
}

type Payload = number | Buffer;
type WireRecord = {readonly number: number; readonly payload: Payload};

function* records(bytes: Buffer): Iterable<WireRecord> {
  const reader = {bytes, at: 0};
  while (reader.at < bytes.length) {
    const tag = varint(reader);
    yield {number: Math.floor(tag / 8), payload: payloadOf(reader, tag % 8)};
  }
}

type Reader = {readonly bytes: Buffer; at: number};

function payloadOf(reader: Reader, wireType: number): Payload {
  switch (wireType) {
    case 0:
      return varint(reader);
    case 1:
      return take(reader, 8).readDoubleLE();
    case 2:
      return take(reader, varint(reader));
    case 5:
      return take(reader, 4).readFloatLE();
    default:
      throw badRequest(`unexpected protobuf wire type ${wireType}`);
  }
}

function take(reader: Reader, size: number): Buffer {
  const end = reader.at + size;
  if (size < 0 || end > reader.bytes.length) throw badRequest('unexpected end of the protobuf body');
  const part = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return part;
}

/** Negative numbers are ten bytes of two's complement. */
function varint(reader: Reader): number {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const [byte = 0] = take(reader, 1);
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return Number(BigInt.asIntN(64, value));
  }
  throw badRequest('a protobuf number is too long');
}

function bytesOf(all: readonly WireRecord[], number: number): Buffer {
  const found = all.find((record) => record.number === number)?.payload;
  return Buffer.isBuffer(found) ? found : Buffer.alloc(0);
}

function numberOf(all: readonly WireRecord[], number: number): number {
  const found = all.find((record) => record.number === number)?.payload;
  return typeof found === 'number' ? found : 0;
}

function message(struct: Struct, bytes: Buffer): JsonObject {
  const result: JsonObject = {};
  for (const {number, payload} of records(bytes)) {
    const field = struct.byNumber.get(number);
    if (field !== undefined) putField(result, field, payload);
  }
  return result;
}

function putField(result: JsonObject, field: Field, payload: Payload): void {
  const {name, shape} = field;
  if (name === '~') {
    const inner = structOf(field.of);
    if (inner !== undefined && Buffer.isBuffer(payload)) Object.assign(result, message(inner, payload));
    return;
  }
  if (shape === 'map') {
    const entry = [...records(asBytes(payload))];
    const known = isObject(result[name]) ? result[name] : {};
    const value = entry.find((record) => record.number === 2)?.payload ?? Buffer.alloc(0);
    result[name] = {...known, [bytesOf(entry, 1).toString()]: decodeValue(field.of, value)};
    return;
  }
  const value = decodeValue(field.of, payload);
  if (shape === 'list') result[name] = [...(Array.isArray(result[name]) ? result[name] : []), value];
  else if (field.pointer || field.always || !isZero(value)) result[name] = value;
  if (result[name] === undefined) delete result[name];
}

/** Go writes zero values on the wire; JSON leaves out those that it would omit. */
function isZero(value: unknown): boolean {
  return value === undefined || value === '' || value === 0 || value === false;
}

function asBytes(payload: Payload): Buffer {
  return Buffer.isBuffer(payload) ? payload : Buffer.alloc(0);
}

function decodeValue(type: string, payload: Payload): unknown {
  if (typeof payload === 'number') return type === 'bool' ? payload !== 0 : payload;
  const struct = structOf(type);
  if (struct !== undefined) return message(struct, payload);
  switch (type) {
    case 'bytes':
      return payload.toString('base64');
    case 'quantity':
      return bytesOf([...records(payload)], 1).toString();
    case 'time':
    case 'microTime':
      return timeOf([...records(payload)], type === 'microTime');
    case 'intOrString':
      return intOrString([...records(payload)]);
    case 'raw':
      return rawOf(bytesOf([...records(payload)], 1));
    case 'extra':
      return [...records(payload)].map((record) => asBytes(record.payload).toString());
    default:
      return payload.toString();
  }
}

function timeOf(all: readonly WireRecord[], micro: boolean): string | undefined {
  if (all.length === 0) return undefined;
  const date = new Date(numberOf(all, 1) * 1000 + Math.floor(numberOf(all, 2) / 1e6)).toISOString();
  return micro ? `${date.slice(0, 23)}000Z` : `${date.slice(0, 19)}Z`;
}

function intOrString(all: readonly WireRecord[]): number | string {
  return numberOf(all, 1) === 0 ? numberOf(all, 2) : bytesOf(all, 3).toString();
}

function rawOf(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const value: unknown = JSON.parse(bytes.toString());
  return value;
}
