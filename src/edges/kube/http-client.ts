import type {KubeObject} from '../../lib/kubernetes.ts';
import {type AnyResource, apiPath, type Resource} from '../../lib/resources.ts';
import {Calls} from './calls.ts';
import type {
  CallOptions,
  DeleteOptions,
  KubeClient,
  List,
  ListQuery,
  ObjectKey,
  Patch,
  WatchEvent,
  WatchQuery,
} from './client.ts';
import type {KubeConnection} from './connection.ts';
import {type TransportTimes, transportTimes} from './transport.ts';

export type KubeConnectionClient = KubeClient & {
  /** Uses other credentials (or another server) from now on: watches end, other requests finish as they are. */
  replaceCredentials(connection: KubeConnection): void;
  close(): Promise<void>;
};

const patchTypes: Readonly<Record<Patch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // JSON is YAML.
  apply: 'application/apply-patch+yaml',
};

/** A client of one API server. Nothing is dialled before the first call. */
export function connectKube(
  connection: KubeConnection,
  times: TransportTimes = transportTimes,
): KubeConnectionClient {
  return new HttpClient(connection, times);
}

class HttpClient implements KubeConnectionClient {
  readonly #calls: Calls;

  constructor(connection: KubeConnection, times: TransportTimes) {
    this.#calls = new Calls(connection, times);
  }

  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options?: CallOptions): Promise<T> {
    return this.#calls.send({method: 'GET', path: keyPath(resource, key), ...optional(options)});
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    query: ListQuery = {},
    options?: CallOptions,
  ): Promise<List<T>> {
    type Answer = {
      items?: T[] | null;
      metadata?: {resourceVersion?: string; continue?: string; remainingItemCount?: number};
    };
    const path = `${apiPath(resource, query.namespace)}${queryText(query)}`;
    const {items, metadata} = await this.#calls.send<Answer>({method: 'GET', path, ...optional(options)});
    return {
      items: items ?? [],
      resourceVersion: metadata?.resourceVersion ?? '',
      ...(metadata?.continue ? {continue: metadata.continue} : {}),
      ...(metadata?.remainingItemCount === undefined
        ? {}
        : {remainingItemCount: metadata.remainingItemCount}),
    };
  }

  create<T extends KubeObject>(
    resource: Resource<T>,
    object: object,
    key: Partial<ObjectKey> = {},
    options?: CallOptions,
  ): Promise<T> {
    const namespace = key.namespace ?? namespaceOf(object);
    const path = apiPath(resource, namespace, key.name, key.subresource);
    return this.#calls.send({method: 'POST', path, body: object, ...optional(options)});
  }

  update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    subresource?: string,
    options?: CallOptions,
  ): Promise<T> {
    const path = apiPath(resource, namespaceOf(object), object.metadata.name, subresource);
    return this.#calls.send({method: 'PUT', path, body: object, ...optional(options)});
  }

  patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: Patch,
    options?: CallOptions,
  ): Promise<T> {
    const query =
      patch.type === 'apply' ? queryText({fieldManager: patch.fieldManager, force: patch.force}) : '';
    const path = `${keyPath(resource, key)}${query}`;
    const contentType = patchTypes[patch.type];
    return this.#calls.send({method: 'PATCH', path, body: patch.body, contentType, ...optional(options)});
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    how: DeleteOptions = {},
    options?: CallOptions,
  ): Promise<void> {
    const body = {kind: 'DeleteOptions', apiVersion: 'v1', ...how};
    await this.#calls.send({method: 'DELETE', path: keyPath(resource, key), body, ...optional(options)});
  }

  request<T = unknown>(method: string, path: string, body?: object, options?: CallOptions): Promise<T> {
    return this.#calls.send({method, path, ...(body === undefined ? {} : {body}), ...optional(options)});
  }

  watch<T extends KubeObject>(
    resource: Resource<T>,
    query: WatchQuery,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const path = `${apiPath(resource, query.namespace)}${queryText({...query, watch: true})}`;
    return this.#calls.lines(path, signal);
  }

  replaceCredentials(connection: KubeConnection): void {
    this.#calls.replaceCredentials(connection);
  }

  close(): Promise<void> {
    return this.#calls.close();
  }
}

function optional(options: CallOptions | undefined): {options?: CallOptions} {
  return options === undefined ? {} : {options};
}

function keyPath(resource: AnyResource, key: ObjectKey): string {
  return apiPath(resource, key.namespace, key.name, key.subresource);
}

function namespaceOf(object: object): string | undefined {
  const metadata: unknown = 'metadata' in object ? object.metadata : undefined;
  if (typeof metadata !== 'object' || metadata === null || !('namespace' in metadata)) return undefined;
  return typeof metadata.namespace === 'string' ? metadata.namespace : undefined;
}

function queryText(query: Readonly<Record<string, unknown>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && name !== 'namespace') parameters.set(name, String(value));
  return parameters.size === 0 ? '' : `?${parameters}`;
}
