import type {Socket} from 'node:net';
import {buildConnector, Pool} from 'undici';
import {NodectlError} from '../../lib/errors.ts';
import type {KubeConnection} from './connection.ts';

/** An h2 connection that has not said a byte for this long, pings included, is dead: 15 + 25 s stay below 45 s. */
const pingMs = 15_000;
const silenceMs = 25_000;
const checkMs = 5_000;
const connectMs = 8_000;

export type TransportTimes = {
  readonly pingMs: number;
  readonly silenceMs: number;
  readonly checkMs: number;
  /** How long a connection may take to be made; until then it keeps the process alive. */
  readonly connectMs?: number;
};
export const transportTimes: TransportTimes = {pingMs, silenceMs, checkMs};

/** A pool of connections with one set of credentials; closing it ends its watches first. */
export type Transport = {
  readonly pool: Pool;
  /** Aborted when these credentials are no longer to be used. */
  readonly retired: AbortSignal;
  /** Ends watches and lets other requests finish. */
  retire(): Promise<void>;
};

/**
 * Connections to one API server: HTTP/2 where the server offers it (one connection carries every watch of the
 * agent), else HTTP/1.1 with keep-alive.
 */
export function openTransport(connection: KubeConnection, times: TransportTimes = transportTimes): Transport {
  const {credentials} = connection;
  const watched = new Set<Watched>();
  const connect = buildConnector({
    allowH2: true,
    timeout: times.connectMs ?? connectMs,
    keepAlive: true,
    // libuv then probes once a second, ten times: an idle HTTP/1.1 connection that died is found in 40 s.
    keepAliveInitialDelay: 30_000,
    ...(connection.ca === undefined ? {} : {ca: connection.ca}),
    ...(connection.serverName === undefined ? {} : {servername: connection.serverName}),
    ...(connection.insecure === true ? {rejectUnauthorized: false} : {}),
    ...(credentials.kind === 'certificate' ? {cert: credentials.cert, key: credentials.key} : {}),
  });
  const pool = new Pool(originOf(connection), {
    connect: (options, callback) =>
      connect(options, (...answer) => {
        if (answer[0] === null) watch(watched, answer[1]);
        callback(...answer);
      }),
    allowH2: true,
    bodyTimeout: 0,
    keepAliveTimeout: 60_000,
    h2Options: {pingInterval: times.pingMs, maxConcurrentStreams: 100},
  });
  const timer = setInterval(() => dropSilent(watched, times), times.checkMs);
  timer.unref();
  const retired = new AbortController();
  return {
    pool,
    retired: retired.signal,
    async retire() {
      retired.abort(new Error('the credentials of this connection were replaced'));
      await pool.close();
      clearInterval(timer);
    },
  };
}

type Watched = {readonly socket: Socket; bytes: number; silentMs: number};

function watch(watched: Set<Watched>, socket: Socket): void {
  if (!('alpnProtocol' in socket) || socket.alpnProtocol !== 'h2') return;
  const entry = {socket, bytes: 0, silentMs: 0};
  watched.add(entry);
  socket.once('close', () => watched.delete(entry));
}

/**
 * Pings are answered even on an idle connection, so silence means that nobody is there any more. Each look counts for
 * the time between two, however late it comes: a process that stood still (SIGSTOP, a suspended machine) has not
 * listened, and reads first what came meanwhile.
 */
function dropSilent(watched: Set<Watched>, {silenceMs, checkMs}: TransportTimes): void {
  for (const entry of watched) {
    const bytes = entry.socket.bytesRead;
    entry.silentMs = bytes === entry.bytes ? entry.silentMs + checkMs : 0;
    entry.bytes = bytes;
    if (entry.silentMs > silenceMs)
      entry.socket.destroy(new Error(`no answer to pings for ${entry.silentMs} ms`));
  }
}

function originOf(connection: KubeConnection): string {
  const url = URL.parse(connection.server);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new NodectlError('ND303', `the API server's address ${connection.server} is not an http(s) URL`);
  return url.origin;
}
