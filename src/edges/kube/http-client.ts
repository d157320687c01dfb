import {type Dispatcher, errors} from 'undici';
import {isNodectlError, NodectlError} from '../../lib/errors.ts';
import type {KubeObject} from '../../lib/kubernetes.ts';
import {type AnyResource, apiPath, type Resource} from '../../lib/resources.ts';
import {sleep} from '../clock.ts';
import {apiError} from './answer.ts';
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
import {ApiError} from './errors.ts';
import {parseJson} from './json.ts';
import {splitLines} from './lines.ts';
import {seen} from './request-sight.ts';
import {openTransport, type Transport, type TransportTimes, transportTimes} from './transport.ts';

export type KubeConnectionClient = KubeClient & {
  /** Uses other credentials (or another server) from now on: watches end, other requests finish as they are. */
  replaceCredentials(connection: KubeConnection): void;
  close(): Promise<void>;
};

const defaultTimeoutMs = 30_000;
/** client-go gives up after ten answers with Retry-After. */
const maxRetries = 10;
const maxLineBytes = 64 * 1024 * 1024;
const patchTypes: Readonly<Record<Patch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // JSON is YAML.
  apply: 'application/apply-patch+yaml',
};

type Call = {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly options?: CallOptions;
};

/** A client of one API server. Nothing is dialled before the first call. */
export function connectKube(
  connection: KubeConnection,
  times: TransportTimes = transportTimes,
): KubeConnectionClient {
  return new HttpClient(connection, times);
}

class HttpClient implements KubeConnectionClient {
  readonly #times: TransportTimes;
  #connection: KubeConnection;
  #transport: Transport;

  constructor(connection: KubeConnection, times: TransportTimes) {
    this.#times = times;
    this.#connection = connection;
    this.#transport = openTransport(connection, times);
  }

  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options?: CallOptions): Promise<T> {
    return this.#call({method: 'GET', path: keyPath(resource, key), ...optional(options)});
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
    const {items, metadata} = await this.#call<Answer>({method: 'GET', path, ...optional(options)});
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
    return this.#call({method: 'POST', path, body: object, ...optional(options)});
  }

  update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    subresource?: string,
    options?: CallOptions,
  ): Promise<T> {
    const path = apiPath(resource, namespaceOf(object), object.metadata.name, subresource);
    return this.#call({method: 'PUT', path, body: object, ...optional(options)});
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
    return this.#call({method: 'PATCH', path, body: patch.body, contentType, ...optional(options)});
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    how: DeleteOptions = {},
    options?: CallOptions,
  ): Promise<void> {
    const body = {kind: 'DeleteOptions', apiVersion: 'v1', ...how};
    await this.#call({method: 'DELETE', path: keyPath(resource, key), body, ...optional(options)});
  }

  request<T = unknown>(method: string, path: string, body?: object, options?: CallOptions): Promise<T> {
    return this.#call({method, path, ...(body === undefined ? {} : {body}), ...optional(options)});
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    query: WatchQuery,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const transport = this.#transport;
    const path = `${apiPath(resource, query.namespace)}${queryText({...query, watch: true})}`;
    const either = AbortSignal.any([signal, transport.retired]);
    const response = await this.#send(transport, {method: 'GET', path}, either);
    try {
      for await (const line of splitLines(response.body, maxLineBytes)) yield parseJson<WatchEvent<T>>(line);
    } catch (error) {
      either.throwIfAborted();
      throw this.#unreachable(error);
    } finally {
      response.body.on('error', () => undefined).destroy();
    }
  }

  replaceCredentials(connection: KubeConnection): void {
    const old = this.#transport;
    this.#connection = connection;
    this.#transport = openTransport(connection, this.#times);
    void old.retire();
  }

  async close(): Promise<void> {
    const {pool} = this.#transport;
    const retired = this.#transport.retire();
    await pool.destroy();
    await retired.catch(() => undefined);
  }

  /** One call with its deadline; answers with Retry-After are tried again as long as the deadline allows. */
  async #call<T>(call: Call): Promise<T> {
    const timeoutMs = call.options?.timeoutMs ?? defaultTimeoutMs;
    const deadline = performance.now() + timeoutMs;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal =
      call.options?.signal === undefined ? timeout : AbortSignal.any([call.options.signal, timeout]);
    for (let tries = 1; ; tries++)
      try {
        const response = await this.#send(this.#transport, call, signal);
        return parseAnswer<T>(await this.#text(response, signal), call.path);
      } catch (error) {
        const stale = call.method === 'GET' && tries === 1 && isStaleConnection(error);
        const waitMs = stale ? 0 : error instanceof ApiError ? error.retryAfterMs : undefined;
        if (waitMs === undefined || tries > maxRetries || performance.now() + waitMs > deadline) throw error;
        await sleep(waitMs, signal);
      }
  }

  /** Sends and returns an answer that is a success, its body unread; throws for every other. */
  async #send(transport: Transport, call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const headers = await this.#headers(call);
    const request: Dispatcher.RequestOptions = {
      method: call.method,
      path: basePath(this.#connection) + call.path,
      headers,
      body: call.body === undefined ? null : JSON.stringify(call.body),
      signal,
      headersTimeout: call.options?.timeoutMs ?? defaultTimeoutMs,
    };
    let response: Dispatcher.ResponseData;
    try {
      response = await seen(this.#connection.server, call.method, () => transport.pool.request(request));
    } catch (error) {
      throw this.#failure(error, signal);
    }
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    const retryAfter = response.headers['retry-after'];
    const text = await this.#text(response, signal);
    throw apiError(response.statusCode, text, String(retryAfter ?? '') || undefined, Date.now());
  }

  async #headers(call: Call): Promise<Record<string, string>> {
    const {credentials, userAgent} = this.#connection;
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': userAgent ?? 'nodectl',
    };
    if (call.body !== undefined) headers['content-type'] = call.contentType ?? 'application/json';
    if (credentials.kind === 'token') {
      const {token} = credentials;
      headers.authorization = `Bearer ${typeof token === 'string' ? token : await token()}`;
    }
    return headers;
  }

  async #text(response: Dispatcher.ResponseData, signal: AbortSignal): Promise<string> {
    try {
      return await response.body.text();
    } catch (error) {
      throw this.#failure(error, signal);
    }
  }

  /** A caller's own abort is passed on; a deadline and everything else means that nobody answered. */
  #failure(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted && !isTimeout(signal.reason)) return signal.reason;
    return this.#unreachable(error);
  }

  #unreachable(cause: unknown): NodectlError {
    const {server} = this.#connection;
    return new NodectlError('ND301', `no answer from ${server}: ${reasonOf(cause)}`, {
      cause,
      next: [`curl -k ${server}/healthz`],
    });
  }
}

/** A kept connection that the server had closed in the meantime; a read is safe to send again, as Go does. */
function isStaleConnection(error: unknown): boolean {
  return isNodectlError(error, 'ND301') && error.cause instanceof errors.SocketError;
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}

function reasonOf(cause: unknown): string {
  if (isTimeout(cause)) return 'timed out';
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join('; ');
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}

function optional(options: CallOptions | undefined): {options?: CallOptions} {
  return options === undefined ? {} : {options};
}

function keyPath(resource: AnyResource, key: ObjectKey): string {
  return apiPath(resource, key.namespace, key.name, key.subresource);
}

/** The part of the server's URL below its origin, for API servers behind a path. */
function basePath(connection: KubeConnection): string {
  return new URL(connection.server).pathname.replace(/\/+$/, '');
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

function parseAnswer<T>(text: string, path: string): T {
  try {
    return parseJson<T>(text === '' ? '{}' : text);
  } catch (cause) {
    throw new NodectlError('ND302', `the answer to ${path} is not JSON: ${text.slice(0, 80)}`, {cause});
  }
}
