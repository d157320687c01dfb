import type {KubeObject} from '../../../lib/kubernetes.ts';
import type {Resource} from '../../../lib/resources.ts';
import type {Cancel, Clock} from '../../../lib/time.ts';
import {watchError} from '../answer.ts';
import type {KubeClient, ListQuery, WatchEvent, WatchQuery} from '../client.ts';
import {ApiError} from '../errors.ts';
import {type Change, storeKey} from './object-store.ts';

export type Progress<T> =
  /** The initial events are all there: the objects as they are at this version. */
  | {readonly type: 'complete'; readonly objects: readonly T[]; readonly resourceVersion: string}
  | {readonly type: 'change'; readonly event: Change<T>}
  | {readonly type: 'bookmark'; readonly resourceVersion: string};

type WatchRunOptions<T extends KubeObject> = {
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  readonly query?: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>;
  readonly clock: Clock;
  /** Asks for the objects themselves before the changes (WatchList, KEP-3157). */
  readonly initial: boolean;
  readonly resourceVersion: string | undefined;
  /** What is kept of an object. */
  readonly prepare: (object: T) => T;
  readonly apply: (progress: Progress<T>) => void;
};

const initialEventsEnd = 'k8s.io/initial-events-end';
/** A server that does not know WatchList serves a plain watch: no end of the initial events ever comes. */
const initialSilenceMs = 10_000;
/** client-go: between five and ten minutes, so that load spreads over the API servers. */
const minTimeoutSeconds = 300;

/** One watch connection, from its start to its end. */
export class WatchRun<T extends KubeObject> {
  readonly #options: WatchRunOptions<T>;
  readonly #silence = new AbortController();
  #collected: Map<string, T> | undefined;
  #cancelTimer: Cancel = () => {};

  constructor(options: WatchRunOptions<T>) {
    this.#options = options;
    if (options.initial) this.#collected = new Map();
  }

  async run(signal: AbortSignal): Promise<'ended' | 'watch-list-refused'> {
    const {client, resource} = this.#options;
    const either = AbortSignal.any([signal, this.#silence.signal]);
    try {
      this.#armTimer();
      for await (const event of client.watch(resource, this.#watchQuery(), either)) this.#take(event);
      if (this.#collected !== undefined) throw new Error('the watch ended before the list was complete');
      return 'ended';
    } catch (error) {
      if (
        this.#collected !== undefined &&
        !signal.aborted &&
        (this.#silence.signal.aborted || isRefusal(error))
      )
        return 'watch-list-refused';
      throw error;
    } finally {
      this.#cancelTimer();
    }
  }

  #watchQuery(): WatchQuery {
    const {query, resourceVersion, initial} = this.#options;
    return {
      ...query,
      allowWatchBookmarks: true,
      timeoutSeconds: Math.round(minTimeoutSeconds * (1 + Math.random())),
      ...(initial
        ? {sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan'}
        : resourceVersion === undefined
          ? {}
          : {resourceVersion}),
    };
  }

  #take(event: WatchEvent<T>): void {
    switch (event.type) {
      case 'ERROR':
        throw watchError(event.object);
      case 'BOOKMARK':
        this.#bookmark(event.object);
        return;
      default:
        this.#change({type: event.type, object: this.#options.prepare(event.object)});
    }
  }

  #change(event: Change<T>): void {
    if (this.#collected === undefined) {
      this.#options.apply({type: 'change', event});
      return;
    }
    this.#armTimer();
    const key = storeKey(event.object);
    if (event.type === 'DELETED') this.#collected.delete(key);
    else this.#collected.set(key, event.object);
  }

  #bookmark({metadata}: KubeObject): void {
    const {resourceVersion} = metadata;
    if (this.#collected === undefined) this.#options.apply({type: 'bookmark', resourceVersion});
    else if (metadata.annotations?.[initialEventsEnd] === 'true') {
      const objects = [...this.#collected.values()];
      this.#collected = undefined;
      this.#cancelTimer();
      this.#options.apply({type: 'complete', objects, resourceVersion});
    }
  }

  #armTimer(): void {
    this.#cancelTimer();
    if (this.#collected === undefined) return;
    this.#cancelTimer = this.#options.clock.after(initialSilenceMs, () =>
      this.#silence.abort(new Error('the server does not end the initial events')),
    );
  }
}

/** Servers without WatchList answer 422 Invalid (the gate is off) or 400; some proxies 405. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && [400, 405, 422].includes(error.httpCode);
}
