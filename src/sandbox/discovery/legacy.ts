import type {Definition} from '../resources/definition.ts';
import {definitions} from '../resources/table.ts';

type Group = {readonly name: string; readonly versions: readonly string[]};

/** The named groups in the order of the table, each with its versions. */
export const groups: readonly Group[] = [...new Set(definitions.map((d) => d.resource.group))]
  .filter((name) => name !== '')
  .map((name) => ({
    name,
    versions: [
      ...new Set(definitions.filter((d) => d.resource.group === name).map((d) => d.resource.version)),
    ],
  }));

export function apiVersions(): object {
  return {kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: []};
}

export function apiGroups(): object {
  return {kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(described)};
}

export function apiGroup(name: string): object | undefined {
  const group = groups.find((g) => g.name === name);
  return group === undefined ? undefined : {kind: 'APIGroup', apiVersion: 'v1', ...described(group)};
}

function described({name, versions}: Group): object {
  const list = versions.map((version) => ({groupVersion: `${name}/${version}`, version}));
  return {name, versions: list, preferredVersion: list[0]};
}

export function definitionsOf(group: string, version: string): readonly Definition[] {
  return definitions.filter((d) => d.resource.group === group && d.resource.version === version);
}

/** /api/v1 and /apis/GROUP/VERSION. */
export function resourceList(group: string, version: string): object | undefined {
  const found = definitionsOf(group, version);
  if (found.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: found.flatMap((definition) => [main(definition), ...parts(definition)]),
  };
}

function main({resource, singular, shortNames, categories, verbs}: Definition): object {
  return {
    name: resource.plural,
    singularName: singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: [...verbs].sort(),
    ...(shortNames.length === 0 ? {} : {shortNames}),
    ...(categories.length === 0 ? {} : {categories}),
  };
}

function parts({resource, subresources}: Definition): object[] {
  return subresources.map((sub) => ({
    name: `${resource.plural}/${sub.name}`,
    singularName: '',
    namespaced: resource.namespaced,
    ...(sub.group === undefined ? {} : {group: sub.group, version: sub.version}),
    kind: sub.kind ?? resource.kind,
    verbs: sub.verbs,
  }));
}
