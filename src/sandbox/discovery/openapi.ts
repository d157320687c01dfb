import {apiPath, apiVersion, type Resource} from '../../lib/resources.ts';
import {type Answer, json} from '../api/request.ts';
import {definitionsOf, groups} from './legacy.ts';

const info = {title: 'Kubernetes', version: 'v1'};

export function openApiV2(): Answer {
  return json(200, {swagger: '2.0', info, paths: {}, definitions: {}});
}

export function openApiV3Index(): Answer {
  const paths = ['api/v1', ...groups.flatMap((g) => g.versions.map((v) => `apis/${g.name}/${v}`))];
  return json(200, {
    paths: Object.fromEntries(
      paths.map((p) => [p, {serverRelativeURL: `/openapi/v3/${p}?hash=${p.replaceAll('/', '-')}`}]),
    ),
  });
}

/** One group's document: enough for a client to see that writes validate fields on the server. */
export function openApiV3(path: string): Answer | undefined {
  const [root, ...rest] = path.split('/');
  const [group = '', version = ''] = root === 'api' ? ['', rest[0]] : rest;
  const found = definitionsOf(group, version);
  if (found.length === 0) return undefined;
  const paths = found
    .filter((d) => d.verbs.includes('patch'))
    .map(({resource}) => [
      apiPath(resource, '{namespace}', '{name}').replaceAll('%7B', '{').replaceAll('%7D', '}'),
      {patch: operation(resource)},
    ]);
  return json(200, {openapi: '3.0.0', info, paths: Object.fromEntries(paths), components: {schemas: {}}});
}

function operation(resource: Resource): object {
  const {group, version, kind} = resource;
  return {
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': {group, version, kind},
    description: `partially update the specified ${kind} of ${apiVersion(resource)}`,
    parameters: ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
      name,
      in: 'query',
      schema: {type: name === 'force' ? 'boolean' : 'string', uniqueItems: true},
    })),
    responses: {},
  };
}
