import type {LookupAddress} from 'node:dns';
import {request} from 'node:https';
import {isIP, type LookupFunction} from 'node:net';
import type {TLSSocket} from 'node:tls';
import {describeError} from '../../lib/errors.ts';
import {errno, readText} from '../files/files.ts';
import {run} from '../process/run.ts';

/** What one anonymous request to an API server's address taught. */
export type Answer =
  | {readonly kind: 'refused' | 'timeout' | 'unreachable' | 'not-tls' | 'reset'; readonly detail: string}
  | {readonly kind: 'no-name'; readonly detail: string}
  | {readonly kind: 'untrusted'; readonly detail: string}
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      /** The server's clock, from its Date header, and ours when it arrived. */
      readonly serverTimeMs: number | undefined;
      readonly localTimeMs: number;
      /** SHA-256 of the certificate that it showed, for messages. */
      readonly certificate: string;
    };

export type AskOptions = {
  /** PEM; without it the server's certificate is not verified, and nothing it says is trusted yet. */
  readonly ca?: string;
  readonly bearer?: string;
  /** PEM of a client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

const maxBody = 1024 * 1024;

/** GETs a path of `https://host:port`; every failure is an answer too, told apart by what a user must do. */
export async function askServer(server: string, path: string, options: AskOptions = {}): Promise<Answer> {
  const url = new URL(path, server);
  // A dead DNS server must not use up the time in which an answer is wanted.
  const lookUpMs = Math.min(3000, (options.timeoutMs ?? 4000) * 0.75);
  const {addresses, silent} = await lookUp(url.hostname, lookUpMs);
  if (addresses.length === 0)
    return {
      kind: 'no-name',
      detail: silent ? `DNS does not answer (${await nameServers()})` : `${url.hostname} has no address`,
    };
  // Thrown at once for a CA or a key that is none; the connection was not begun.
  return ask(url, addresses, options).catch((error: unknown) => ({
    kind: 'untrusted',
    detail: describeError(error),
  }));
}

/**
 * The addresses of a host, as every program of this machine finds them. Node's own look-up blocks a thread that
 * cannot be called back, which would hold a failed command for as long as dead DNS servers take.
 */
export async function addressesOf(host: string, timeoutMs = 3000): Promise<LookupAddress[]> {
  return (await lookUp(host, timeoutMs)).addresses;
}

/** `silent`: it had not ended in time, because those who should know the name say nothing. */
async function lookUp(
  host: string,
  timeoutMs: number,
): Promise<{readonly addresses: LookupAddress[]; readonly silent: boolean}> {
  const bare = host.replace(/^\[|\]$/g, '');
  const family = isIP(bare);
  if (family !== 0) return {addresses: [{address: bare, family}], silent: false};
  const startMs = performance.now();
  const found = await run('getent', ['ahosts', bare], {okCodes: [0, 1, 2], timeoutMs}).catch(() => undefined);
  const lines = (found?.stdout ?? '').split('\n').map((line) => line.split(' ')[0] ?? '');
  const addresses = [...new Set(lines)].flatMap((address) =>
    isIP(address) === 0 ? [] : [{address, family: isIP(address)}],
  );
  return {addresses, silent: found === undefined && performance.now() - startMs >= timeoutMs};
}

/** `10.0.0.2, 10.0.0.3` */
async function nameServers(): Promise<string> {
  const text = (await readText('/etc/resolv.conf').catch(() => undefined)) ?? '';
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server]) => server).join(', ');
}

/** A timeout's detail, where the TLS handshake was made: packets of all sizes pass. */
export const slow = 'it took the connection, but did not answer in time';

function ask(url: URL, addresses: readonly LookupAddress[], options: AskOptions): Promise<Answer> {
  const timeoutMs = options.timeoutMs ?? 4000;
  return new Promise((resolve) => {
    const call = request(
      url,
      {
        agent: false,
        lookup: lookupOf(addresses),
        rejectUnauthorized: options.ca !== undefined,
        ca: options.ca,
        cert: options.cert,
        key: options.key,
        signal: options.signal,
        headers: options.bearer === undefined ? {} : {authorization: `Bearer ${options.bearer}`},
      },
      (response) => {
        // Read now: the socket is gone when the body has ended.
        const certificate = certificateOf(response.socket);
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxBody) call.destroy(new Error('answer longer than 1 MiB'));
          else chunks.push(chunk);
        });
        response.on('end', () => {
          clearTimeout(timer);
          const date = Date.parse(response.headers.date ?? '');
          resolve({
            kind: 'answer',
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString('utf8'),
            serverTimeMs: Number.isNaN(date) ? undefined : date,
            localTimeMs: Date.now(),
            certificate,
          });
        });
      },
    );
    let secured = false;
    call.once('socket', (socket) => {
      socket.once('secureConnect', () => {
        secured = true;
      });
    });
    const timer = setTimeout(() => call.destroy(new Error(secured ? slow : 'no answer in time')), timeoutMs);
    call.on('error', (error) => {
      clearTimeout(timer);
      resolve(classify(error));
    });
    call.end();
  });
}

/** Node asks for one address or for all, by its happy-eyeballs setting. */
function lookupOf(addresses: readonly LookupAddress[]): LookupFunction {
  return (_, {all}, callback) => {
    const [first] = addresses;
    if (all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
}

function certificateOf(socket: unknown): string {
  const peer = isTls(socket) ? socket.getPeerCertificate() : undefined;
  return peer?.fingerprint256 ?? '';
}

function isTls(socket: unknown): socket is TLSSocket {
  return typeof socket === 'object' && socket !== null && 'getPeerCertificate' in socket;
}

const kinds: Readonly<Record<string, Exclude<Answer['kind'], 'answer'>>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'no-name',
  EAI_AGAIN: 'no-name',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EINVAL: 'unreachable',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  EPROTO: 'not-tls',
};
const verification = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|INVALID_CA|INVALID_PURPOSE)/;

function classify(error: Error): Answer {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  const code = errno(inner) ?? '';
  const detail = inner instanceof Error ? inner.message : String(inner);
  if (verification.test(code)) return {kind: 'untrusted', detail};
  if (code.startsWith('ERR_SSL') || /wrong version number|packet length too long|http request/.test(detail))
    return {kind: 'not-tls', detail};
  if (code === 'HPE_INVALID_CONSTANT' || code.startsWith('HPE_')) return {kind: 'not-tls', detail};
  return {kind: kinds[code] ?? (['no answer in time', slow].includes(detail) ? 'timeout' : 'reset'), detail};
}
