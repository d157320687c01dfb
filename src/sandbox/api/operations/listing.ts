import type {Obj} from '../../contract.ts';
import {parseJson, textAt} from '../../json.ts';
import {collectionOf, type Definition} from '../../resources/definition.ts';
import {badRequest, expired, StatusError} from '../../status.ts';
import type {Entry} from '../../store/event-window.ts';
import {keyOf, type Store} from '../../store/store.ts';
import {matcher} from './selectors.ts';

export type Page = {readonly entries: readonly Entry[]; readonly metadata: object};

const tooOld = (revision: string) =>
  expired(
    `The provided continue parameter is too old to display a consistent list result (revision ${revision}). You can start a new list without the continue parameter.`,
  );

/** A list or a page of it, by the rules of `limit`, `continue`, `resourceVersion` and its match. */
export function listPage(
  store: Store,
  definition: Definition,
  namespace: string | undefined,
  query: URLSearchParams,
): Page {
  const collection = collectionOf(definition.resource);
  const limit = count(query.get('limit'), 'limit');
  const token = readToken(query.get('continue'));
  checkVersion(store, collection, query, token !== undefined);
  const revision = token?.revision ?? store.revision;
  // Later pages show today's objects under the first page's revision: a watch from there replays the difference.
  if (token !== undefined && store.changesAfter(collection, revision) === undefined)
    throw tooOld(String(revision));
  const matches = matcher(definition, query);
  const name = exactName(query);
  const keys =
    name !== undefined && (namespace !== undefined || !definition.resource.namespaced)
      ? [keyOf(namespace, name)]
      : store.keys(collection, namespace, token?.after);
  return collect(store, collection, keys, matches, limit, revision);
}

function collect(
  store: Store,
  collection: string,
  keys: readonly string[],
  matches: ((object: Obj) => boolean) | undefined,
  limit: number,
  revision: number,
): Page {
  const entries: Entry[] = [];
  for (const [index, key] of keys.entries()) {
    const entry = store.get(collection, key);
    if (entry === undefined || (matches !== undefined && !matches(entry.object))) continue;
    if (limit > 0 && entries.length === limit) {
      const last = entries[limit - 1]?.object.metadata;
      const after = keyOf(last?.namespace, last?.name ?? '');
      const metadata = {
        resourceVersion: String(revision),
        continue: Buffer.from(JSON.stringify({v: String(revision), after})).toString('base64url'),
        // Counting what is left behind a selector would mean matching it all: Kubernetes leaves it out too.
        ...(matches === undefined ? {remainingItemCount: keys.length - index} : {}),
      };
      return {entries, metadata};
    }
    entries.push(entry);
  }
  return {entries, metadata: {resourceVersion: String(revision)}};
}

function exactName(query: URLSearchParams): string | undefined {
  return /^metadata\.name==?([^,!=]+)$/.exec(query.get('fieldSelector') ?? '')?.[1];
}

function checkVersion(store: Store, collection: string, query: URLSearchParams, continued: boolean): void {
  const version = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  if (match !== '' && version === '')
    throw badRequest('resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (version === '' || version === '0') return;
  if (continued) throw badRequest('specifying resource version is not allowed when using continue');
  const revision = parseVersion(version);
  if (revision > store.revision) throw tooLarge(revision, store.revision);
  if (match !== 'Exact') return;
  const changes = store.changesAfter(collection, revision);
  if (changes === undefined || changes.length > 0)
    throw expired(
      `The resourceVersion for the provided list is too old: ${revision} (current: ${store.revision})`,
    );
}

export function parseVersion(text: string): number {
  if (!/^\d+$/.test(text)) throw badRequest(`Invalid value: "${text}": resourceVersion must be a number`);
  return Number(text);
}

/** storage.NewTooLargeResourceVersionError: the client has seen more than this server has. */
export function tooLarge(asked: number, current: number): StatusError {
  return new StatusError(504, 'Timeout', `Too large resource version: ${asked}, current: ${current}`, {
    causes: [{reason: 'ResourceVersionTooLarge', message: 'Too large resource version'}],
    retryAfterSeconds: 1,
  });
}

export function count(text: string | null, name: string): number {
  if (text === null || text === '') return 0;
  if (!/^\d+$/.test(text)) throw badRequest(`Invalid value for ${name}: ${text}`);
  return Number(text);
}

function readToken(text: string | null): {revision: number; after: string} | undefined {
  if (text === null || text === '') return undefined;
  const token = parseJson(Buffer.from(text, 'base64url').toString());
  const [version, after] = [textAt(token, 'v'), textAt(token, 'after')];
  if (version === undefined || after === undefined || !/^\d+$/.test(version))
    throw badRequest('continue key is not valid');
  return {revision: Number(version), after};
}
