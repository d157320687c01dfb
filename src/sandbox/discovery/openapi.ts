import {apiPath, type Resource} from '../../lib/resources.ts';
import {type Answer, json} from '../api/http/request.ts';
import type {JsonObject} from '../json.ts';
import type {Definition} from '../resources/definition.ts';
import {definitions} from '../resources/table.ts';
import {definitionsOf, groups} from './legacy.ts';
import {gvk, schemasOf} from './openapi-schemas.ts';

const info = {title: 'Kubernetes', version: 'v1'};
const documents = new Map<string, Answer>();

/** The whole API in one document, for clients before OpenAPI v3. */
export function openApiV2(): Answer {
  return cached('v2', () => ({
    swagger: '2.0',
    info,
    paths: pathsOf(definitions),
    definitions: schemasOf(
      definitions.map((d) => d.resource),
      '#/definitions/',
    ),
  }));
}

export function openApiV3Index(): Answer {
  const paths = ['api/v1', ...groups.flatMap((g) => g.versions.map((v) => `apis/${g.name}/${v}`))];
  const entries = paths.map((p) => [
    p,
    {serverRelativeURL: `/openapi/v3/${p}?hash=${p.replaceAll('/', '-')}`},
  ]);
  return json(200, {paths: Object.fromEntries(entries)});
}

/** One group's document: its kinds' schemas, and that writes take fieldValidation. */
export function openApiV3(path: string): Answer | undefined {
  const [root, ...rest] = path.split('/');
  const [group = '', version = ''] = root === 'api' ? ['', rest[0]] : rest;
  const found = definitionsOf(group, version);
  if (found.length === 0) return undefined;
  return cached(path, () => ({
    openapi: '3.0.0',
    info,
    paths: pathsOf(found),
    components: {
      schemas: schemasOf(
        found.map((d) => d.resource),
        '#/components/schemas/',
      ),
    },
  }));
}

/** Documents are the same for the life of the process. */
function cached(key: string, make: () => object): Answer {
  const known = documents.get(key);
  if (known !== undefined) return known;
  const made = json(200, make());
  documents.set(key, made);
  return made;
}

function pathsOf(found: readonly Definition[]): JsonObject {
  const entries = found
    .filter((definition) => definition.verbs.includes('patch'))
    .flatMap(({resource}) => [
      [template(resource), {get: operation(resource, 'list'), post: operation(resource, 'post')}],
      [
        template(resource, '{name}'),
        {
          get: operation(resource, 'get'),
          put: operation(resource, 'put'),
          patch: operation(resource, 'patch'),
        },
      ],
    ]);
  return Object.fromEntries(entries);
}

function template(resource: Resource, name?: string): string {
  return decodeURIComponent(apiPath(resource, '{namespace}', name));
}

function operation(resource: Resource, action: string): JsonObject {
  const writes = ['post', 'put', 'patch'].includes(action);
  return {
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk(resource),
    operationId: `${action}${resource.kind}`,
    parameters: writes ? ['dryRun', 'fieldManager', 'fieldValidation'].map(parameter) : [],
    responses: {'200': {description: 'OK'}},
  };
}

function parameter(name: string): JsonObject {
  return {name, in: 'query', type: 'string', schema: {type: 'string'}, uniqueItems: true};
}
