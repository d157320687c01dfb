import type {Answer} from '../api/http/request.ts';
import type {Definition, Subresource} from '../resources/definition.ts';
import {definitionsOf, groups} from './legacy.ts';

const group = 'apidiscovery.k8s.io';

export function wantsAggregated(accept: string): boolean {
  return versionOf(accept) !== undefined;
}

/** The version that a client prefers among those it names. */
function versionOf(accept: string): string | undefined {
  return accept
    .split(',')
    .filter((range) => range.includes(`g=${group}`) && range.includes('as=APIGroupDiscoveryList'))
    .map((range) => /;\s*v=(v2beta1|v2)(?=;|$)/.exec(range.trim())?.[1])
    .find((version) => version !== undefined);
}

/** Everything below /api or /apis in one answer. */
export function aggregated(path: string, accept: string): Answer {
  const version = versionOf(accept) ?? 'v2';
  const items =
    path === '/api'
      ? [{metadata: {creationTimestamp: null}, versions: [versionEntry('', 'v1')]}]
      : groups.map(({name, versions}) => ({
          metadata: {name, creationTimestamp: null},
          versions: versions.map((v) => versionEntry(name, v)),
        }));
  return {
    code: 200,
    contentType: `application/json;g=${group};v=${version};as=APIGroupDiscoveryList`,
    body: JSON.stringify({
      kind: 'APIGroupDiscoveryList',
      apiVersion: `${group}/${version}`,
      metadata: {},
      items,
    }),
    headers: {vary: 'Accept'},
  };
}

function versionEntry(name: string, version: string): object {
  return {version, freshness: 'Current', resources: definitionsOf(name, version).map(resourceEntry)};
}

function resourceEntry(definition: Definition): object {
  const {resource, singular, shortNames, categories, verbs, subresources} = definition;
  return {
    resource: resource.plural,
    responseKind: {group: resource.group, version: resource.version, kind: resource.kind},
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: [...verbs].sort(),
    ...(shortNames.length === 0 ? {} : {shortNames}),
    ...(categories.length === 0 ? {} : {categories}),
    ...(subresources.length === 0 ? {} : {subresources: subresources.map((s) => partEntry(definition, s))}),
  };
}

function partEntry({resource}: Definition, sub: Subresource): object {
  const own = {group: resource.group, version: resource.version};
  return {
    subresource: sub.name,
    responseKind: {
      group: sub.group ?? own.group,
      version: sub.version ?? own.version,
      kind: sub.kind ?? resource.kind,
    },
    verbs: sub.verbs,
  };
}
