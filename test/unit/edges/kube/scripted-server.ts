import type {IncomingHttpHeaders} from 'node:http';
import {createSecureServer} from 'node:http2';
import {createServer as createHttps} from 'node:https';
import {type AddressInfo, connect, createServer, type Socket} from 'node:net';
import type {KubeConnection} from '../../../../src/edges/kube/connection.ts';
import {createSelfSigned} from '../../../../src/edges/trust/x509.ts';

/** What a test needs of a request and its response in either version of HTTP. */
export type Request = {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly httpVersion: string;
  on(event: 'data' | 'end', listener: (chunk: Buffer) => void): unknown;
};
type End = {(): unknown; (text: string): unknown};
export type Response = {
  writeHead(code: number, headers?: Record<string, string>): {end: End};
  write(chunk: string | Uint8Array): boolean;
  end: End;
  destroy(): unknown;
  on(event: 'error' | 'close', listener: () => void): unknown;
};
export type Handler = (request: Request, response: Response, url: URL) => void;

/** A TLS server on loopback (HTTP/2 and HTTP/1.1) whose answers a test writes. */
export type ScriptedServer = {
  readonly connection: KubeConnection;
  /** Paths with their queries, in order of arrival. */
  readonly seen: string[];
  readonly sockets: Set<Socket>;
  answer(handler: Handler): void;
  close(): Promise<void>;
};

export async function scriptedServer(http2 = true): Promise<ScriptedServer> {
  const {cert, key} = await createSelfSigned({commonName: 'api', ipAddresses: ['127.0.0.1'], days: 1});
  let handler: Handler = (_, response) => response.writeHead(404).end();
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const serve = (request: Request, response: Response): void => {
    seen.push(`${request.method} ${request.url}`);
    response.on('error', () => undefined);
    handler(request, response, new URL(request.url ?? '/', 'https://api'));
  };
  const server = http2
    ? createSecureServer({cert, key, allowHTTP1: true}, serve)
    : createHttps({cert, key}, serve);
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address() as AddressInfo;
  return {
    connection: {server: `https://127.0.0.1:${port}`, ca: cert, credentials: {kind: 'anonymous'}},
    seen,
    sockets,
    answer: (next) => {
      handler = next;
    },
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

/** A TCP proxy in front of a server that can stop passing anything on while its connections stay open. */
export async function freezableProxy(
  server: ScriptedServer,
): Promise<{url: string; freeze(): void; close(): Promise<void>}> {
  const sockets = new Set<Socket>();
  const target = Number(new URL(server.connection.server).port);
  const proxy = createServer((inner) => {
    const outer = connect(target, '127.0.0.1');
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    inner.pipe(outer);
    outer.pipe(inner);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const {port} = proxy.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: () => {
      const closed = new Promise<void>((resolve) => proxy.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

/** An object as a watch or a list carries it. */
export function configMap(name: string, resourceVersion: number, data: Record<string, string> = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {name, namespace: 'default', uid: `uid-${name}`, resourceVersion: String(resourceVersion)},
    data,
  };
}

export function line(type: string, object: object): string {
  return `${JSON.stringify({type, object})}\n`;
}

export function bookmark(resourceVersion: number, end = false): string {
  const annotations = end ? {'k8s.io/initial-events-end': 'true'} : {};
  const metadata = {name: '', uid: '', resourceVersion: String(resourceVersion), annotations};
  return line('BOOKMARK', {apiVersion: 'v1', kind: 'ConfigMap', metadata});
}

export function status(code: number, reason: string, message: string, details: object = {}): object {
  return {apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message, details};
}
