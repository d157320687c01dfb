import type {Cancel, Clock} from '../../../lib/time.ts';
import {collectionOf, type Definition} from '../../resources/definition.ts';
import {badRequest, expired, StatusError} from '../../status.ts';
import type {Change, Entry} from '../../store/event-window.ts';
import type {Store} from '../../store/store.ts';
import {type Encoding, encodingFor} from '../http/encoding.ts';
import type {WatchAnswer, WatchSink} from '../http/request.ts';
import {isTrue} from '../http/router.ts';
import {count, listPage, parseVersion, tooLarge} from './listing.ts';
import {type Matcher, matcher} from './selectors.ts';

const bookmarkEveryMs = 10_000;
/** kube-apiserver ends a watch after 30 to 60 minutes when the client names no time. */
const defaultSeconds = 1800;

export type WatchRequest = {
  readonly definition: Definition;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly query: URLSearchParams;
  readonly accept: string;
};

type Plan = {
  readonly initial: readonly Entry[];
  readonly replay: readonly Change[];
  /** Mark the end of the initial events with a bookmark (WatchList). */
  readonly endMark: boolean;
};

/** Decides what a watch starts with, so that errors are an HTTP answer, and gives the stream. */
export function watch(store: Store, clock: Clock, request: WatchRequest): WatchAnswer {
  const {definition, namespace, query} = request;
  const encoding = encodingFor(definition, request.accept, query);
  const name = request.name;
  const selected = matcher(definition, query);
  const matches: Matcher = (object) =>
    (namespace === undefined || !definition.resource.namespaced || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name) &&
    (selected === undefined || selected(object));
  checkVersion(store, query);
  const seconds =
    count(query.get('timeoutSeconds'), 'timeoutSeconds') || defaultSeconds * (1 + Math.random());
  return {
    contentType: encoding.contentType,
    start: (sink) => {
      const plan = planOf(store, request, matches);
      if (plan instanceof StatusError) return refuse(sink, plan);
      const stream = new Stream(encoding, matches, sink, clock);
      stream.begin(plan, store.revision);
      return subscribe(store, clock, collectionOf(definition.resource), stream, {
        seconds,
        bookmarks: isTrue(query.get('allowWatchBookmarks')),
      });
    },
  };
}

function refuse(sink: WatchSink, error: StatusError): () => void {
  sink.send(line('ERROR', JSON.stringify(error.toStatus())));
  sink.end();
  return () => undefined;
}

function checkVersion(store: Store, query: URLSearchParams): void {
  if (query.get('sendInitialEvents') !== null && query.get('resourceVersionMatch') !== 'NotOlderThan')
    throw badRequest('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  const revision = revisionOf(query);
  if (revision > store.revision) throw tooLarge(revision, store.revision);
}

function revisionOf(query: URLSearchParams): number {
  const version = query.get('resourceVersion') ?? '';
  return version === '' ? 0 : parseVersion(version);
}

/** A forgotten version is told as an event, not as an HTTP error: the watch as such was fine. */
function planOf(store: Store, request: WatchRequest, matches: Matcher): Plan | StatusError {
  const {definition, query} = request;
  const send = query.get('sendInitialEvents');
  const revision = revisionOf(query);
  if (isTrue(send) || (send === null && revision === 0))
    return {initial: everything(store, request), replay: [], endMark: isTrue(send)};
  if (revision === 0) return {initial: [], replay: [], endMark: false};
  const replay = store.changesAfter(collectionOf(definition.resource), revision);
  if (replay === undefined) return expired(`too old resource version: ${revision} (${store.revision})`);
  return {initial: [], replay: replay.filter((change) => concerns(change, matches)), endMark: false};
}

function everything(store: Store, request: WatchRequest): readonly Entry[] {
  const query = new URLSearchParams();
  for (const key of ['labelSelector', 'fieldSelector']) {
    const value = request.query.get(key);
    if (value !== null) query.set(key, value);
  }
  const {entries} = listPage(store, request.definition, scopeOf(request), query);
  return request.name === undefined
    ? entries
    : entries.filter((entry) => entry.object.metadata.name === request.name);
}

function scopeOf(request: WatchRequest): string | undefined {
  return request.definition.resource.namespaced ? request.namespace : undefined;
}

function concerns(change: Change, matches: Matcher): boolean {
  return [change.before, change.now].some((entry) => entry !== undefined && matches(entry.object));
}

function subscribe(
  store: Store,
  clock: Clock,
  collection: string,
  stream: Stream,
  options: {seconds: number; bookmarks: boolean},
): () => void {
  const unsubscribe = store.subscribe(collection, (change) => stream.change(change));
  let cancelBookmark: Cancel = () => undefined;
  const bookmarkLater = () => {
    cancelBookmark = clock.after(bookmarkEveryMs, () => {
      stream.bookmark(store.revision);
      bookmarkLater();
    });
  };
  if (options.bookmarks) bookmarkLater();
  const stop = () => {
    unsubscribe();
    cancelBookmark();
    cancelEnd();
  };
  const cancelEnd = clock.after(options.seconds * 1000, () => {
    stop();
    if (options.bookmarks) stream.bookmark(store.revision);
    stream.end();
  });
  return stop;
}

/** One client's stream of events. The bytes of an event are made once for all streams that want the same. */
class Stream {
  readonly #encoding: Encoding;
  readonly #matches: Matcher;
  readonly #sink: WatchSink;
  readonly #clock: Clock;
  #first = true;
  #seen = 0;

  constructor(encoding: Encoding, matches: Matcher, sink: WatchSink, clock: Clock) {
    this.#encoding = encoding;
    this.#matches = matches;
    this.#sink = sink;
    this.#clock = clock;
  }

  begin(plan: Plan, revision: number): void {
    for (const entry of plan.initial) this.#sink.send(this.#encode('ADDED', entry));
    for (const change of plan.replay) this.change(change);
    if (plan.endMark) this.#bookmark(revision, {annotations: {'k8s.io/initial-events-end': 'true'}});
  }

  change(change: Change): void {
    const had = change.before !== undefined && this.#matches(change.before.object);
    const has = change.now !== undefined && this.#matches(change.now.object);
    if (!had && !has) return;
    this.#seen = change.revision;
    const type = has ? (had ? 'MODIFIED' : 'ADDED') : 'DELETED';
    const entry = has ? change.now : departed(change);
    if (entry !== undefined) this.#sink.send(this.#shared(change, type, entry));
  }

  bookmark(revision: number): void {
    if (revision > this.#seen) this.#bookmark(revision, {});
  }

  end(): void {
    this.#sink.end();
  }

  #bookmark(revision: number, extra: object): void {
    this.#seen = revision;
    const metadata = {resourceVersion: String(revision), creationTimestamp: null, ...extra};
    this.#sink.send(line('BOOKMARK', this.#encoding.bookmark(metadata)));
  }

  #shared(change: Change, type: string, entry: Entry): Buffer {
    if (this.#first) return this.#encode(type, entry);
    const key = `${type} ${this.#encoding.key}`;
    const known = change.encoded.get(key);
    if (known !== undefined) return known;
    const bytes = this.#encode(type, entry);
    change.encoded.set(key, bytes);
    return bytes;
  }

  #encode(type: string, entry: Entry): Buffer {
    const text = this.#encoding.event(entry, this.#first, this.#clock.now());
    this.#first = false;
    return line(type, text);
  }
}

/** An object that left the selection is reported as it last matched, under the revision of the change. */
function departed(change: Change): Entry | undefined {
  if (change.last !== undefined) return change.last;
  const {before, revision} = change;
  if (before === undefined) return undefined;
  const metadata = {...before.object.metadata, resourceVersion: String(revision)};
  const object = {...before.object, metadata};
  return {object, json: JSON.stringify(object), revision};
}

function line(type: string, object: string): Buffer {
  return Buffer.from(`{"type":"${type}","object":${object}}\n`);
}
