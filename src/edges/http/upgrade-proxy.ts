import type {IncomingMessage} from 'node:http';
import {connect, type Socket} from 'node:net';
import type {Duplex} from 'node:stream';
import {NodectlError} from '../../lib/errors.ts';

/** Headers that concern this hop or would hand the client's credentials to the runtime. */
const notForwarded = new Set(['host', 'authorization', 'cookie', 'x-remote-user', 'x-remote-group']);
const connectMs = 10_000;
const maxHeadBytes = 64 * 1024;

export type UpgradeRequest = {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** The runtime's streaming server: http://127.0.0.1:port/exec/TOKEN */
  readonly url: string;
  /** Both ends are closed when no byte has moved for this long; 0: never. */
  readonly idleMs: number;
};

/**
 * Hands an upgrade request to another server and then only moves bytes, so that SPDY and WebSocket pass untouched.
 * Until the server has answered 101 nothing of the client's is passed on, and any other answer ends the connection
 * (CVE-2018-1002105). Resolves when both ends are closed.
 */
export async function proxyUpgrade({request, socket, head, url, idleMs}: UpgradeRequest): Promise<void> {
  const target = new URL(url);
  if (target.protocol !== 'http:')
    throw new NodectlError('ND502', `the runtime's streaming server speaks ${target.protocol} and not http:`);
  const backend = await dial(target.hostname.replace(/^\[|\]$/g, ''), Number(target.port || 80));
  const closed = Promise.all([closing(socket), closing(backend)]);
  socket.on('error', () => backend.destroy());
  socket.once('close', () => backend.destroy());
  backend.on('error', () => socket.destroy());
  if (socket.destroyed) backend.destroy();
  backend.write(requestHead(request, target));
  const answer = await readHead(backend).catch((cause: unknown) => {
    backend.destroy();
    throw new NodectlError('ND502', 'the runtime’s streaming server did not answer', {cause});
  });
  if (!/^HTTP\/1\.[01] 101[ \r]/.test(answer.toString('latin1', 0, 16))) {
    socket.write(answer);
    backend.pipe(socket);
    await closed;
    return;
  }
  join(socket, backend, idleMs);
  socket.write(answer);
  if (head.length > 0) backend.write(head);
  await closed;
}

/** Ends of one side become ends of the other; only a closed or idle connection takes both down. */
function join(socket: Duplex, backend: Socket, idleMs: number): void {
  // Everything that moves is read from or written to the backend: its clock sees all activity.
  if (idleMs > 0)
    backend.setTimeout(idleMs, () => {
      backend.destroy();
      socket.destroy();
    });
  backend.once('close', () => {
    // What is still buffered for the client is delivered, but a client that never reads is not waited for.
    if (socket.writableLength === 0) socket.destroy();
    else setTimeout(() => socket.destroy(), 5_000).unref();
  });
  backend.pipe(socket);
  socket.pipe(backend);
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const backend = connect({host, port, allowHalfOpen: true, noDelay: true});
    const failed = (cause: Error) =>
      reject(new NodectlError('ND502', 'the runtime’s streaming server cannot be reached', {cause}));
    backend.setTimeout(connectMs, () => backend.destroy(new Error(`no connection within ${connectMs} ms`)));
    backend.once('error', failed);
    backend.once('connect', () => {
      backend.setTimeout(0);
      backend.off('error', failed);
      resolve(backend);
    });
  });
}

function requestHead(request: IncomingMessage, target: URL): string {
  const lines = [`${request.method} ${target.pathname}${target.search} HTTP/1.1`, `Host: ${target.host}`];
  const {rawHeaders} = request;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (!notForwarded.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[at + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The answer's head, with whatever came behind it. */
function readHead(backend: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const done = (error?: Error) => {
      backend.pause();
      backend.off('data', onData);
      backend.off('close', onClose);
      if (error === undefined) resolve(seen);
      else reject(error);
    };
    const onClose = () => done(new Error('it closed the connection'));
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      if (seen.includes('\r\n\r\n')) done();
      else if (seen.length > maxHeadBytes) done(new Error('its answer has no end of headers'));
    };
    backend.on('data', onData);
    backend.once('close', onClose);
  });
}

function closing(stream: Duplex): Promise<void> {
  return stream.destroyed
    ? Promise.resolve()
    : new Promise((resolve) => stream.once('close', () => resolve()));
}
