import {constants} from 'node:crypto';
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import {createServer as createTlsServer, type Server as TlsServer} from 'node:https';
import type {Duplex} from 'node:stream';
import {TLSSocket} from 'node:tls';
import {NodectlError} from '../../lib/errors.ts';
import {errno} from '../files/files.ts';
import {listenHost} from './listen-host.ts';

export type TlsMaterial = {
  readonly cert: string;
  readonly key: string;
  /** Clients' certificates are asked for and verified against it; '' asks for none. */
  readonly clientCa: string;
};

export type HttpServerOptions = {
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls?: TlsMaterial & {
    readonly minVersion: TlsVersion;
    readonly ciphers?: string;
    readonly ecdhCurve?: string;
  };
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Requests for which this is true go to `onUpgrade`; the others' wish to upgrade is ignored, as HTTP allows. */
  readonly mayUpgrade?: (request: IncomingMessage) => boolean;
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly maxConnections?: number;
};

type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

export type HttpServer = {
  readonly port: number;
  /** New connections get this; those that exist go on as they are. */
  replaceTls(material: TlsMaterial): void;
  connections(): number;
  /** No new connections; those that exist are ended. */
  close(): Promise<void>;
};

/** Bounds against slow or greedy clients (upstream has no header timeout, and 1 MiB of headers). */
const headersMs = 10_000;
const requestMs = 60_000;
const handshakeMs = 10_000;
const keepAliveMs = 60_000;
const maxHeaderBytes = 64 * 1024;
const defaultMaxConnections = 4_096;

/** A server with bounds on everything that a client may take its time with. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const bounds = {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    // How often the two timeouts above are looked at; Node's own 30 s would triple them.
    connectionsCheckingInterval: 1_000,
    maxHeaderSize: maxHeaderBytes,
    ...(options.mayUpgrade === undefined ? {} : {shouldUpgradeCallback: options.mayUpgrade}),
  };
  const server =
    options.tls === undefined
      ? createServer(bounds)
      : createTlsServer({...bounds, handshakeTimeout: handshakeMs, ...tlsOptions(options.tls)});
  server.maxConnections = options.maxConnections ?? defaultMaxConnections;
  server.on('request', options.onRequest);
  if (options.onUpgrade !== undefined) server.on('upgrade', options.onUpgrade);
  server.on('clientError', refuse);
  const sockets = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await listen(server, options.address, options.port);
  return handle(server, options, sockets);
}

function handle(server: Server | TlsServer, options: HttpServerOptions, sockets: Set<Duplex>): HttpServer {
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : options.port,
    replaceTls(material) {
      if ('setSecureContext' in server && options.tls !== undefined)
        server.setSecureContext(tlsOptions({...options.tls, ...material}));
    },
    connections: () => sockets.size,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Sessions are never resumed: each connection proves its client certificate anew. */
function tlsOptions(tls: NonNullable<HttpServerOptions['tls']>) {
  const verify = tls.clientCa !== '';
  return {
    cert: tls.cert,
    key: tls.key,
    minVersion: tls.minVersion,
    ...(tls.ciphers === undefined ? {} : {ciphers: tls.ciphers}),
    ...(tls.ecdhCurve === undefined ? {} : {ecdhCurve: tls.ecdhCurve}),
    requestCert: verify,
    // Who has no valid certificate may still have a token: the authenticator decides.
    rejectUnauthorized: false,
    ...(verify ? {ca: tls.clientCa} : {}),
    secureOptions: constants.SSL_OP_NO_TICKET,
    ALPNProtocols: ['http/1.1'],
  };
}

function listen(server: Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const code = errno(cause) === 'EADDRINUSE' ? 'ND601' : 'ND904';
      reject(new NodectlError(code, `cannot listen on ${address} port ${port}`, {cause}));
    });
    server.listen({host: listenHost(address), port}, () => {
      // Later errors (a failed accept) concern one connection, not the server.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** A connection that does not speak HTTP, or too slowly, is told so once and closed. */
function refuse(error: Error, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(`HTTP/1.1 ${refusals[errno(error) ?? ''] ?? '400 Bad Request'}\r\nConnection: close\r\n\r\n`);
  // Whatever the client still sends is not read for ever.
  setTimeout(() => socket.destroy(), 1_000).unref();
}

/** The client certificate that the TLS layer verified for this connection. */
export type PeerCertificate =
  | {readonly verified: true; readonly commonName: string; readonly organizations: readonly string[]}
  | {readonly verified: false; readonly reason: string};

/** Undefined: the client sent none. */
export function peerCertificate(request: IncomingMessage): PeerCertificate | undefined {
  const {socket} = request;
  if (!(socket instanceof TLSSocket)) return undefined;
  const {subject} = socket.getPeerCertificate();
  if (subject === undefined) return undefined;
  if (!socket.authorized) return {verified: false, reason: String(socket.authorizationError)};
  return {verified: true, commonName: lastOf(subject.CN), organizations: [subject.O ?? []].flat()};
}

/** Go takes the last of several common names. */
function lastOf(value: string | string[] | undefined): string {
  return Array.isArray(value) ? (value.at(-1) ?? '') : (value ?? '');
}
