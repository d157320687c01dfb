import type {IncomingHttpHeaders, IncomingMessage, ServerResponse} from 'node:http';
import {createServer, type Server} from 'node:https';
import type {AddressInfo} from 'node:net';
import type {Duplex} from 'node:stream';
import {TLSSocket} from 'node:tls';
import type {Logger} from '../../../lib/log.ts';
import type {User} from '../../contract.ts';
import {badRequest, StatusError} from '../../status.ts';
import {decodeBody} from './body.ts';
import {type Handler, refusal} from './handler.ts';
import type {Answer, AnyAnswer, ApiRequest, ProxyAnswer, WatchAnswer} from './request.ts';

/** Who a connection's certificate or a request's token is; throws 401 for wrong ones. */
export type Authenticate = (socket: TLSSocket, authorization: string | undefined) => Promise<User>;

export type HttpParts = {
  readonly handler: Handler;
  readonly authenticate: Authenticate;
  /** The user that the sender asks to act as. */
  readonly impersonate: (sender: User, headers: IncomingHttpHeaders) => User;
  readonly proxy: (answer: ProxyAnswer, request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade: (answer: ProxyAnswer, request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly log: Logger;
};

export type TlsFiles = {readonly cert: string; readonly key: string; readonly ca: string};

/** kube-apiserver's own limit for request bodies. */
const maxBodyBytes = 3 * 1024 * 1024;
/** A watcher that does not read may not fill our memory: it is cut off and lists again. */
const maxBacklogBytes = 64 * 1024 * 1024;

export class HttpServer {
  readonly #server: Server;
  readonly #parts: HttpParts;
  readonly #stops = new Set<() => void>();
  readonly #upgraded = new Set<Duplex>();

  constructor(tls: TlsFiles, parts: HttpParts) {
    this.#parts = parts;
    this.#server = createServer({
      ...tls,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      keepAliveTimeout: 90_000,
      headersTimeout: 10_000,
      requestTimeout: 60_000,
      maxHeaderSize: 64 * 1024,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    });
    this.#server.on('request', (request, response) => void this.#onRequest(request, response));
    this.#server.on('upgrade', (request, socket, head) => void this.#onUpgrade(request, socket, head));
  }

  /** All addresses of the machine, IPv6 too where it has it. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({port}, () => {
        this.#server.off('error', reject);
        resolve(portOf(this.#server.address(), port));
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const stop of this.#stops) stop();
      this.#server.closeAllConnections();
      for (const socket of this.#upgraded) socket.destroy();
    });
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answer(request, true);
    if (response.destroyed) return;
    if ('proxy' in answer) this.#parts.proxy(answer, request, response);
    else if ('code' in answer) sendAnswer(request, response, answer);
    else this.#stream(response, answer);
  }

  async #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.#upgraded.add(socket);
    socket.on('close', () => this.#upgraded.delete(socket));
    socket.on('error', (error) => this.#parts.log.debug('upgraded connection broke', {error: error.message}));
    const answer = await this.#answer(request, false);
    if ('proxy' in answer) this.#parts.upgrade(answer, request, socket, head);
    else socket.end(rawAnswer('code' in answer ? answer : undefined));
  }

  async #answer(request: IncomingMessage, withBody: boolean): Promise<AnyAnswer> {
    try {
      const {socket, headers} = request;
      if (!(socket instanceof TLSSocket)) throw badRequest('TLS only');
      const sender = await this.#parts.authenticate(socket, headers.authorization ?? protocolToken(request));
      const user = this.#parts.impersonate(sender, headers);
      return await this.#parts.handler(await apiRequest(request, user, withBody));
    } catch (error) {
      // A client that left in the middle of its request is no fault of ours.
      const {destroyed} = request;
      return refusal(error, () => {
        if (!destroyed) this.#parts.log.error('request failed', {error: String(error)});
      });
    }
  }

  #stream(response: ServerResponse, answer: WatchAnswer): void {
    response.writeHead(200, {'content-type': answer.contentType, 'cache-control': 'no-cache, private'});
    response.flushHeaders();
    let pending: Buffer[] = [];
    // One write for all events of a turn of the event loop: fewer TLS records, fewer system calls.
    const flush = () => {
      const bytes = pending.length === 1 && pending[0] !== undefined ? pending[0] : Buffer.concat(pending);
      pending = [];
      if (response.writableLength > maxBacklogBytes) response.destroy();
      else if (!response.writableEnded) response.write(bytes);
    };
    const stop = answer.start({
      send: (bytes) => {
        if (pending.push(bytes) === 1) setImmediate(flush);
      },
      end: () => setImmediate(() => response.end()),
    });
    const done = () => {
      stop();
      this.#stops.delete(done);
    };
    this.#stops.add(done);
    response.on('close', done);
  }
}

function portOf(address: AddressInfo | string | null, fallback: number): number {
  return typeof address === 'object' && address !== null ? address.port : fallback;
}

async function apiRequest(request: IncomingMessage, user: User, withBody: boolean): Promise<ApiRequest> {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const {headers} = request;
  const contentType = headers['content-type'] ?? '';
  const path = mark < 0 ? url : url.slice(0, mark);
  const method = request.method ?? 'GET';
  const reads = withBody && method !== 'GET' && method !== 'HEAD' && !streams(path);
  return {
    method,
    path,
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    accept: headers.accept ?? '*/*',
    contentType,
    userAgent: headers['user-agent'] ?? '',
    body: reads ? decodeBody(await readBody(request), contentType) : undefined,
    user,
  };
}

/** Paths whose body, if any, belongs to the kubelet that answers. */
function streams(path: string): boolean {
  return /^\/api\/v1\/(namespaces\/[^/]+\/pods\/[^/]+\/(exec|attach|portforward)|nodes\/[^/]+\/proxy)(\/|$)/.test(
    path,
  );
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > maxBodyBytes)
      throw new StatusError(
        413,
        'RequestEntityTooLarge',
        `Request entity too large: limit is ${maxBodyBytes}`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Browsers' WebSockets cannot set headers: the token comes as a subprotocol, as kube-apiserver takes it. */
function protocolToken(request: IncomingMessage): string | undefined {
  const prefix = 'base64url.bearer.authorization.k8s.io.';
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim());
  const found = protocols.find((p) => p.startsWith(prefix));
  return found === undefined
    ? undefined
    : `Bearer ${Buffer.from(found.slice(prefix.length), 'base64url').toString()}`;
}

function sendAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  response.writeHead(answer.code, {
    'content-type': answer.contentType,
    'content-length': body.length,
    'cache-control': 'no-cache, private',
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function rawAnswer(answer: Answer | undefined): string {
  const body = answer?.body.toString() ?? '';
  const code = answer?.code ?? 400;
  return [
    `HTTP/1.1 ${code} Refused`,
    `Content-Type: ${answer?.contentType ?? 'text/plain'}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
