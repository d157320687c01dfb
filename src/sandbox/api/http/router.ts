import type {Definition} from '../../resources/definition.ts';
import {definitions} from '../../resources/table.ts';
import {noSuchPath} from '../../status.ts';
import type {Target} from './request.ts';

const byPath = new Map<string, Definition>(
  definitions.map((d) => [`${d.resource.group}/${d.resource.version}/${d.resource.plural}`, d]),
);

/** Reads an API path; undefined for a path that is not about resources (discovery, health, version). */
export function route(method: string, path: string, query: URLSearchParams): Target | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  const start = parts[0] === 'api' ? 2 : parts[0] === 'apis' ? 3 : undefined;
  if (start === undefined || parts.length <= start) return undefined;
  const group = start === 2 ? '' : (parts[1] ?? '');
  const version = parts[start - 1] ?? '';
  const where = place(parts.slice(start).map(decode));
  const definition = byPath.get(`${group}/${version}/${where.plural}`);
  if (definition === undefined) throw noSuchPath();
  const {resource} = definition;
  const namespace = resource.plural === 'namespaces' && group === '' ? where.name : where.namespace;
  if (!resource.namespaced && where.namespace !== undefined) throw noSuchPath();
  if (resource.namespaced && namespace === undefined && where.name !== undefined) throw noSuchPath();
  return {
    definition,
    verb: verbOf(method, where.name, query),
    namespace,
    name: where.name,
    subresource: where.subresource,
    rest: where.rest,
  };
}

type Place = {plural: string; namespace?: string; name?: string; subresource?: string; rest: string};

function place(parts: readonly string[]): Place {
  const [first = '', second, third] = parts;
  const scoped = first === 'namespaces' && third !== undefined && !['status', 'finalize'].includes(third);
  const [plural = '', name, subresource, ...rest] = scoped ? parts.slice(2) : parts;
  return {plural, namespace: scoped ? second : undefined, name, subresource, rest: rest.join('/')};
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw noSuchPath();
  }
}

function verbOf(method: string, name: string | undefined, query: URLSearchParams): string {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (isTrue(query.get('watch'))) return 'watch';
      return name === undefined ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name === undefined ? 'deletecollection' : 'delete';
    default:
      return method.toLowerCase();
  }
}

/** As Go's strconv reads the booleans of a query. */
export function isTrue(text: string | null): boolean {
  return text !== null && ['1', 't', 'true', 'TRUE', 'True'].includes(text);
}
