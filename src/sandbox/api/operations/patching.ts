import {apiVersion} from '../../../lib/resources.ts';
import {timestamp} from '../../../lib/time.ts';
import type {Obj} from '../../contract.ts';
import {isObject, type JsonObject} from '../../json.ts';
import {applyObject} from '../../patch/apply.ts';
import {jsonPatch} from '../../patch/json-patch.ts';
import {jsonMerge} from '../../patch/merge.ts';
import {mergeFields} from '../../patch/merge-keys.ts';
import {strategicMerge} from '../../patch/strategic.ts';
import type {Definition} from '../../resources/definition.ts';
import {badRequest, unsupportedMediaType} from '../../status.ts';
import type {ApiRequest, WriteContext} from '../http/request.ts';

export type PatchChange = {
  readonly apply: (old: Obj) => unknown;
  /** Apply creates what is not there. */
  readonly createFrom?: (name: string) => JsonObject;
};

/** The change that a PATCH asks for, by its content type. */
export function changeFor(
  definition: Definition,
  request: ApiRequest,
  context: WriteContext,
  nowMs: number,
): PatchChange {
  const {resource} = definition;
  const fields = mergeFields(resource.group, resource.kind);
  const type = request.contentType.split(';')[0]?.trim() ?? '';
  switch (type) {
    case 'application/json-patch+json':
      return {apply: (old) => jsonPatch(old, request.body)};
    case 'application/merge-patch+json': {
      const body = objectBody(request);
      return {apply: (old) => jsonMerge(old, body)};
    }
    case 'application/strategic-merge-patch+json': {
      const body = objectBody(request);
      return {apply: (old) => strategicMerge(old, body, fields)};
    }
    case 'application/apply-patch+yaml': {
      const body = objectBody(request);
      const manager = request.query.get('fieldManager');
      if (!manager) throw badRequest('fieldManager is required for apply patch');
      const stamp = {manager: context.fieldManager, time: timestamp(nowMs), apiVersion: apiVersion(resource)};
      return {
        apply: (old) => applyObject(old, body, fields, stamp),
        createFrom: (name) => applyObject({metadata: {name}}, body, fields, stamp),
      };
    }
    default:
      throw unsupportedMediaType(type);
  }
}

function objectBody(request: ApiRequest): JsonObject {
  if (!isObject(request.body)) throw badRequest('the patch is not an object');
  return request.body;
}
