import {apiVersion} from '../../../lib/resources.ts';
import type {Obj} from '../../contract.ts';
import type {Definition} from '../../resources/definition.ts';
import {notAcceptable} from '../../status.ts';
import type {Entry} from '../../store/event-window.ts';
import {tableOf} from '../table-output.ts';

/** How a client wants objects: as they are, as rows of a table, or only their metadata. */
export type Encoding = {
  /** Two watchers with the same key get the same bytes. */
  readonly key: string;
  readonly contentType: string;
  one(entry: Entry, nowMs: number): string;
  list(entries: readonly Entry[], metadata: object, nowMs: number): string;
  /** A further event of a watch: a table does not repeat its columns. */
  event(entry: Entry, first: boolean, nowMs: number): string;
  bookmark(metadata: object): string;
};

/** The first of the client's ranges that can be served. @throws StatusError 406 when none can */
export function encodingFor(definition: Definition, accept: string, query: URLSearchParams): Encoding {
  for (const range of accept.split(',')) {
    const [type = '', ...rest] = range.split(';').map((part) => part.trim());
    if (!['application/json', 'application/*', '*/*', ''].includes(type)) continue;
    const parameters = new Map(rest.map((p) => [p.split('=')[0] ?? '', p.split('=')[1] ?? '']));
    const as = parameters.get('as') ?? '';
    const version = parameters.get('v') ?? 'v1';
    if (as === '') return plainEncoding(definition);
    if (as === 'Table' && ['v1', 'v1beta1'].includes(version))
      return tableEncoding(definition, version, query.get('includeObject') ?? 'Metadata');
    if (as.startsWith('PartialObjectMetadata')) return metadataEncoding();
  }
  throw notAcceptable();
}

function plainEncoding(definition: Definition): Encoding {
  const {resource} = definition;
  const version = apiVersion(resource);
  return {
    key: 'plain',
    contentType: 'application/json',
    one: (entry) => entry.json,
    list: (entries, metadata) =>
      `{"kind":"${resource.kind}List","apiVersion":"${version}","metadata":${JSON.stringify(metadata)},"items":[${entries
        .map((entry) => entry.json)
        .join(',')}]}`,
    event: (entry) => entry.json,
    bookmark: (metadata) => JSON.stringify({kind: resource.kind, apiVersion: version, metadata}),
  };
}

function tableEncoding(definition: Definition, version: string, includeObject: string): Encoding {
  const table = (objects: readonly Obj[], metadata: object, columns: boolean, nowMs: number) =>
    JSON.stringify(tableOf(definition, objects, {version, includeObject, metadata, columns}, nowMs));
  const revision = (entry: Entry) => ({resourceVersion: entry.object.metadata.resourceVersion});
  return {
    key: `table/${version}/${includeObject}`,
    contentType: 'application/json',
    one: (entry, nowMs) => table([entry.object], revision(entry), true, nowMs),
    list: (entries, metadata, nowMs) =>
      table(
        entries.map((entry) => entry.object),
        metadata,
        true,
        nowMs,
      ),
    event: (entry, first, nowMs) => table([entry.object], revision(entry), first, nowMs),
    bookmark: (metadata) =>
      JSON.stringify({
        ...tableOf(definition, [], {version, includeObject, metadata, columns: false}, 0),
        metadata,
      }),
  };
}

function partialMetadata(object: Obj): object {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: object.metadata,
  };
}

function metadataEncoding(): Encoding {
  const one = (entry: Entry) => JSON.stringify(partialMetadata(entry.object));
  return {
    key: 'metadata',
    contentType: 'application/json',
    one,
    list: (entries, metadata) =>
      JSON.stringify({
        kind: 'PartialObjectMetadataList',
        apiVersion: 'meta.k8s.io/v1',
        metadata,
        items: entries.map((entry) => partialMetadata(entry.object)),
      }),
    event: one,
    bookmark: (metadata) =>
      JSON.stringify({kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata}),
  };
}
