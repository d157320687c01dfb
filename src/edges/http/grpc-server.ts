import {createServer as createHttp2Server, type ServerHttp2Session} from 'node:http2';
import {createServer, type Socket} from 'node:net';
import {dirname} from 'node:path';
import {Duplex} from 'node:stream';
import {Code, ConnectError, type ConnectRouter} from '@connectrpc/connect';
import {connectNodeAdapter} from '@connectrpc/connect-node';
import {makeDirectory, removeFile} from '../files/files.ts';
import {AuthorityTransform} from './h2-authority.ts';

export type GrpcServer = {
  /** Ends all connections; the socket goes. */
  close(): Promise<void>;
};

/** As grpc-go bounds messages where nothing else is said. */
const maxMessageBytes = 4 * 1024 * 1024;

/** Serves gRPC at a unix socket; what an earlier process has left there goes. Its directory is made for root alone. */
export async function serveGrpc(path: string, routes: (router: ConnectRouter) => void): Promise<GrpcServer> {
  await makeDirectory(dirname(path), 0o750);
  await removeFile(path);
  const handler = connectNodeAdapter({
    routes,
    connect: false,
    grpcWeb: false,
    readMaxBytes: maxMessageBytes,
  });
  const http2 = createHttp2Server(handler);
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  http2.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  // A client that breaks the protocol has ended its own connection.
  http2.on('sessionError', () => undefined);
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    http2.emit('connection', tolerant(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  return {
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function tolerant(socket: Socket): Duplex {
  const stream = Duplex.from({readable: socket.pipe(new AuthorityTransform()), writable: socket});
  stream.on('error', () => socket.destroy());
  stream.on('close', () => socket.destroy());
  socket.on('close', () => stream.destroy());
  return stream;
}

/** An error as Go's servers give one that has no code of its own. */
export function unknownError(message: string): ConnectError {
  return new ConnectError(message, Code.Unknown);
}

/** The client asks too often. */
export function exhaustedError(message: string): ConnectError {
  return new ConnectError(message, Code.ResourceExhausted);
}
