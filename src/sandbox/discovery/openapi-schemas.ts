import {type Field, type Struct, structOf, typeName} from '../../config/schema/types.ts';
import type {Resource} from '../../lib/resources.ts';
import type {JsonObject} from '../json.ts';

/** `core.PodSpec` as OpenAPI names it. */
function schemaName(type: string): string {
  const [group = '', kind = ''] = type.split('.');
  return group === 'meta' ? `io.k8s.apimachinery.pkg.apis.meta.v1.${kind}` : `io.k8s.api.${group}.v1.${kind}`;
}

const plain: Readonly<Record<string, JsonObject>> = {
  string: {type: 'string'},
  bool: {type: 'boolean'},
  int: {type: 'integer', format: 'int64'},
  number: {type: 'number', format: 'double'},
  bytes: {type: 'string', format: 'byte'},
  quantity: {type: 'string'},
  intOrString: {type: 'string', format: 'int-or-string'},
  time: {type: 'string', format: 'date-time'},
  microTime: {type: 'string', format: 'date-time'},
  raw: {type: 'object'},
  extra: {type: 'array', items: {type: 'string'}},
};

/** The schemas of some kinds and of everything that they are made of; `prefix` is where references point. */
export function schemasOf(resources: readonly Resource[], prefix: string): JsonObject {
  const schemas: JsonObject = {};
  const visit = (type: string, resource?: Resource): void => {
    const struct = structOf(type);
    if (struct === undefined || schemas[schemaName(type)] !== undefined) return;
    schemas[schemaName(type)] = structSchema(struct, prefix, resource);
    for (const field of struct.fields.values()) visit(field.of);
  };
  for (const resource of resources) visit(typeName(resource.group, resource.kind), resource);
  return schemas;
}

function structSchema(struct: Struct, prefix: string, resource: Resource | undefined): JsonObject {
  const properties: JsonObject = {};
  if (resource !== undefined) Object.assign(properties, {apiVersion: plain.string, kind: plain.string});
  const required: string[] = [];
  for (const field of struct.fields.values()) {
    properties[field.name] = fieldSchema(field, prefix);
    if (field.always) required.push(field.name);
  }
  return {
    type: 'object',
    description: '',
    properties,
    ...(required.length === 0 || resource !== undefined ? {} : {required}),
    ...(resource === undefined ? {} : {'x-kubernetes-group-version-kind': [gvk(resource)]}),
  };
}

export function gvk({group, version, kind}: Resource): JsonObject {
  return {group, version, kind};
}

function fieldSchema(field: Field, prefix: string): JsonObject {
  const one: JsonObject = plain[field.of] ?? {$ref: `${prefix}${schemaName(field.of)}`};
  switch (field.shape) {
    case 'list':
      return {type: 'array', items: one, ...strategyOf(field)};
    case 'map':
      return {type: 'object', additionalProperties: one};
    default:
      // A reference has no siblings in OpenAPI 3.0: what is said beside it stands in allOf.
      return field.retainKeys ? {allOf: [one], 'x-kubernetes-patch-strategy': 'retainKeys'} : one;
  }
}

function strategyOf({mergeKey, retainKeys}: Field): JsonObject {
  if (mergeKey === undefined) return {};
  return {
    'x-kubernetes-patch-strategy': retainKeys ? 'merge,retainKeys' : 'merge',
    ...(mergeKey === '' ? {} : {'x-kubernetes-patch-merge-key': mergeKey}),
  };
}
