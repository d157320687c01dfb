import type {Draft, KubeObject, Status} from '../../lib/kubernetes.ts';
import type {Resource} from '../../lib/resources.ts';

/** Where an object is: its name, its namespace if it has one, and the part of it that is meant. */
export type ObjectKey = {readonly name: string; readonly namespace?: string; readonly subresource?: string};

export type ListQuery = {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
};

export type WatchQuery = ListQuery & {
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly resourceVersionMatch?: 'NotOlderThan' | 'Exact';
  readonly timeoutSeconds?: number;
};

export type List<T> = {
  readonly items: T[];
  readonly resourceVersion: string;
  /** Set when there are more pages. */
  readonly continue?: string;
  readonly remainingItemCount?: number;
};

export type WatchEvent<T> =
  | {readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T}
  | {readonly type: 'BOOKMARK'; readonly object: KubeObject}
  | {readonly type: 'ERROR'; readonly object: Status};

export type Patch =
  | {readonly type: 'strategic' | 'merge'; readonly body: object}
  | {readonly type: 'json'; readonly body: readonly object[]}
  | {readonly type: 'apply'; readonly body: object; readonly fieldManager: string; readonly force?: boolean};

export type DeleteOptions = {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: {readonly uid?: string; readonly resourceVersion?: string};
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
};

export type CallOptions = {readonly signal?: AbortSignal; readonly timeoutMs?: number};

/**
 * The Kubernetes API as nodectl uses it. Every method throws an `ApiError` (see `errors.ts`) for an answer that
 * is not a success, and NodectlError ND301 when there is no answer at all.
 */
export type KubeClient = {
  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options?: CallOptions): Promise<T>;
  list<T extends KubeObject>(
    resource: Resource<T>,
    query?: ListQuery,
    options?: CallOptions,
  ): Promise<List<T>>;
  /** With a name and a subresource in `key`, creates that (pods/binding, serviceaccounts/token). */
  create<T extends KubeObject>(
    resource: Resource<T>,
    object: Draft<T> | object,
    key?: Partial<ObjectKey>,
    options?: CallOptions,
  ): Promise<T>;
  /** Replaces; the object's resourceVersion makes it conditional. */
  update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    subresource?: string,
    options?: CallOptions,
  ): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: Patch,
    options?: CallOptions,
  ): Promise<T>;
  delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    how?: DeleteOptions,
    options?: CallOptions,
  ): Promise<void>;
  /** One watch connection: ends when the server ends it; the caller (a reflector) reconnects. */
  watch<T extends KubeObject>(
    resource: Resource<T>,
    query: WatchQuery,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  /** Any other path: `/version`, `/apis/authorization.k8s.io/v1/subjectaccessreviews`. */
  request<T = unknown>(method: string, path: string, body?: object, options?: CallOptions): Promise<T>;
};
