import {type Dispatcher, errors} from 'undici';
import {isNodectlError, NodectlError} from '../../lib/errors.ts';
import {monotonicMs, sleep} from '../clock.ts';
import {apiError} from './answer.ts';
import type {CallOptions} from './client.ts';
import type {KubeConnection} from './connection.ts';
import {ApiError} from './errors.ts';
import {parseJson} from './json.ts';
import {seen} from './request-sight.ts';
import {openTransport, type Transport, type TransportTimes} from './transport.ts';
import {splitLines} from './watch/lines.ts';

const defaultTimeoutMs = 30_000;
/** client-go gives up after ten answers with Retry-After. */
const maxRetries = 10;
const maxLineBytes = 64 * 1024 * 1024;

export type Call = {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly options?: CallOptions;
};

/** Requests to one API server as their bytes go: credentials, deadlines, retries, and what is said of a failure. */
export class Calls {
  readonly #times: TransportTimes;
  #connection: KubeConnection;
  #transport: Transport;
  #isClosed = false;

  constructor(connection: KubeConnection, times: TransportTimes) {
    this.#times = times;
    this.#connection = connection;
    this.#transport = openTransport(connection, times);
  }

  replaceCredentials(connection: KubeConnection): void {
    // A renewal may end after all else has.
    if (this.#isClosed) return;
    const old = this.#transport;
    this.#connection = connection;
    this.#transport = openTransport(connection, this.#times);
    void old.retire();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const {pool} = this.#transport;
    const retired = this.#transport.retire();
    await pool.destroy();
    await retired.catch(() => undefined);
  }

  /** The lines of an answer that does not end by itself, each parsed. */
  async *lines<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
    const transport = this.#transport;
    const either = AbortSignal.any([signal, transport.retired]);
    const response = await this.#send(transport, {method: 'GET', path}, either);
    try {
      for await (const line of splitLines(response.body, maxLineBytes)) yield parseJson<T>(line);
    } catch (error) {
      either.throwIfAborted();
      throw this.#unreachable(error);
    } finally {
      response.body.on('error', () => undefined).destroy();
    }
  }

  /** One call with its deadline; answers with Retry-After are tried again as long as the deadline allows. */
  async send<T>(call: Call): Promise<T> {
    const timeoutMs = call.options?.timeoutMs ?? defaultTimeoutMs;
    const deadline = monotonicMs() + timeoutMs;
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
        if (waitMs === undefined || tries > maxRetries || monotonicMs() + waitMs > deadline) throw error;
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

/** The part of the server's URL below its origin, for API servers behind a path. */
function basePath(connection: KubeConnection): string {
  return new URL(connection.server).pathname.replace(/\/+$/, '');
}

function parseAnswer<T>(text: string, path: string): T {
  try {
    return parseJson<T>(text === '' ? '{}' : text);
  } catch (cause) {
    throw new NodectlError('ND302', `the answer to ${path} is not JSON: ${text.slice(0, 80)}`, {cause});
  }
}
