import {parse} from 'yaml';
import {describeError} from '../../../lib/errors.ts';
import {decodeProtobuf, protobufType} from '../../api/protobuf.ts';
import {badRequest} from '../../status.ts';

/** A request's body as data: JSON, protobuf, or YAML where apply and people send it. */
export function decodeBody(bytes: Buffer, contentType: string): unknown {
  if (bytes.length === 0) return undefined;
  const type = contentType.split(';')[0]?.trim() ?? '';
  if (type === protobufType) return decodeProtobuf(bytes);
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    if (!type.endsWith('yaml')) throw badRequest(`unable to decode the body: ${describeError(error)}`);
  }
  try {
    return parse(bytes.toString());
  } catch (error) {
    throw badRequest(`error decoding YAML: ${describeError(error)}`);
  }
}
