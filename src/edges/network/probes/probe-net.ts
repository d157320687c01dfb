import * as http from 'node:http';
import * as https from 'node:https';
import {connect, type Socket} from 'node:net';
import {joinHostPort} from '../../../lib/addresses.ts';
import {fairTimeout} from '../../http/fair-timeout.ts';
import {brokenWords, type Ends, socketWords} from './go-words.ts';

export type NetResult = {
  readonly outcome: 'success' | 'warning' | 'failure';
  readonly message: string;
  /** Of a failure: the server did answer. `plain`: in HTTP, where it was asked in HTTPS. */
  readonly answered?: 'status' | 'plain';
};

export type HttpProbe = {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly userAgent: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
};

/** Kubernetes reads so much of an answer, and asks so often along redirects. */
const maxBodyBytes = 10 * 1024;
const maxRedirects = 10;
/** What Go follows; another 3xx, or one without Location, is an answer that is warned of. */
const redirecting = [301, 302, 303, 307, 308];
/** Go reads ten times as much; Node's parser copies a long header again with every packet. */
const maxHeaderBytes = 1024 * 1024;

/** Kubernetes draws no conclusion from an answer whose body breaks off or does not end (pkg/probe/http). */
export class UnreadBody extends Error {}

/** No answer came, and why; `plain`: what came is HTTP, where TLS was to come. */
class Unanswered extends Error {
  readonly plain: boolean;

  constructor(message: string, plain: boolean) {
    super(message);
    this.plain = plain;
  }
}

/**
 * One GET as the kubelet's prober makes it: a connection of its own, no proxy, any certificate, 200–399 is good.
 * @throws when an answer came, but could not be read to its end
 */
export async function httpProbe(probe: HttpProbe): Promise<NetResult> {
  const deadline = new AbortController();
  const cancel = fairTimeout(probe.timeoutMs, () => deadline.abort());
  const signals = probe.signal === undefined ? [deadline.signal] : [deadline.signal, probe.signal];
  try {
    return await get(urlOf(probe), probe, AbortSignal.any(signals), 1);
  } finally {
    cancel();
  }
}

function urlOf({scheme, host, port, path}: HttpProbe): string {
  return `${scheme}://${joinHostPort(host, port)}${path.startsWith('/') ? '' : '/'}${path}`;
}

async function get(
  text: string,
  probe: HttpProbe,
  signal: AbortSignal,
  requests: number,
): Promise<NetResult> {
  const refuse = (why: string, where = text) =>
    ({outcome: 'failure', message: `Get "${where}": ${why}`}) as const;
  const answer = await ask(text, probe, signal);
  if (answer instanceof Unanswered)
    return {...refuse(answer.message), ...(answer.plain ? {answered: 'plain'} : {})};
  const {status, location, body} = answer;
  if (redirecting.includes(status) && location !== undefined) {
    const next = URL.canParse(location, text) ? new URL(location, text) : undefined;
    if (next === undefined) return refuse(`failed to parse Location header "${location}"`);
    if (next.hostname === new URL(text).hostname) {
      if (requests >= maxRedirects) return refuse(`stopped after ${maxRedirects} redirects`, location);
      return get(next.href, probe, signal, requests + 1);
    }
  }
  if (status >= 300 && status < 400)
    return {outcome: 'warning', message: `Probe terminated redirects, Response body: ${body}`};
  if (status >= 200 && status < 300) return {outcome: 'success', message: body};
  return {outcome: 'failure', message: `HTTP probe failed with statuscode: ${status}`, answered: 'status'};
}

type Answer = {status: number; location: string | undefined; body: string};

/** @throws UnreadBody */
async function ask(text: string, probe: HttpProbe, signal: AbortSignal): Promise<Answer | Unanswered> {
  if (!URL.canParse(text)) return new Unanswered('invalid URL', false);
  try {
    return await request(new URL(text), probe, signal);
  } catch (error) {
    if (error instanceof Unanswered) return error;
    throw error instanceof UnreadBody ? error : new Unanswered(socketWords(error), false);
  }
}

function request(url: URL, probe: HttpProbe, signal: AbortSignal): Promise<Answer> {
  const {promise, resolve, reject} = Promise.withResolvers<Answer>();
  const seen: Exchange = {secure: url.protocol === 'http:', answered: false, ends: {}, bytes: () => 0};
  const fail = (cause: Error) => reject(failureOf(cause, seen, signal));
  const options: https.RequestOptions = {
    headers: headersOf(probe),
    agent: false,
    signal,
    rejectUnauthorized: false,
    maxHeaderSize: maxHeaderBytes,
    // As Go reads them: lines that end with LF alone, among others.
    insecureHTTPParser: true,
  };
  const open = url.protocol === 'https:' ? https.get : http.get;
  const sent = open(url, options, (response) => {
    seen.answered = true;
    const chunks: Buffer[] = [];
    let size = 0;
    const end = () => {
      const body = Buffer.concat(chunks).toString('utf8', 0, maxBodyBytes);
      resolve({status: response.statusCode ?? 0, location: response.headers.location, body});
      sent.destroy();
    };
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= maxBodyBytes) end();
    });
    response.on('end', end);
    response.on('error', fail);
  });
  sent.once('socket', (socket) => watch(socket, seen));
  sent.on('error', fail);
  return promise;
}

/** How far an exchange has come: so its failure is named. */
type Exchange = {secure: boolean; answered: boolean; ends: Ends; bytes: () => number};

function watch(socket: Socket, seen: Exchange): void {
  seen.bytes = () => socket.bytesRead;
  socket.once('secureConnect', () => {
    seen.secure = true;
  });
  socket.once('connect', () => {
    const {localAddress, localPort, remoteAddress, remotePort} = socket;
    seen.ends = {localAddress, localPort, remoteAddress, remotePort};
  });
}

function failureOf(cause: Error, {secure, answered, ends, bytes}: Exchange, signal: AbortSignal): Error {
  const isLate = signal.aborted;
  if (answered && isLate)
    return new UnreadBody(
      'context deadline exceeded (Client.Timeout or context cancellation while reading body)',
    );
  if (answered) return new UnreadBody('unexpected EOF');
  const late = `${secure ? 'context deadline exceeded' : 'net/http: request canceled while waiting for connection'} (Client.Timeout exceeded while awaiting headers)`;
  if (isLate) return new Unanswered(late, false);
  if (isPlainAnswer(cause)) return new Unanswered('http: server gave HTTP response to HTTPS client', true);
  return new Unanswered(brokenWords(cause, bytes()) ?? socketWords(cause, ends), false);
}

/** What OpenSSL makes of the first bytes of an HTTP answer. */
const plainAnswer = /wrong version number|packet length too long/;

function isPlainAnswer(error: Error): boolean {
  return 'code' in error && error.code === 'EPROTO' && plainAnswer.test(error.message);
}

/** A header without a value takes the default away (pkg/probe/http/request.go). */
function headersOf({headers, userAgent}: HttpProbe): Record<string, string[]> {
  const result: Record<string, string[]> = {
    'User-Agent': [userAgent],
    Accept: ['*/*'],
    Connection: ['close'],
  };
  const names = new Map(Object.keys(result).map((name) => [name.toLowerCase(), name]));
  const given = new Set<string>();
  for (const [name, value] of headers) {
    const key = names.get(name.toLowerCase()) ?? name;
    names.set(name.toLowerCase(), key);
    result[key] = given.has(key) ? [...(result[key] ?? []), value] : [value];
    given.add(key);
  }
  return Object.fromEntries(Object.entries(result).filter(([, values]) => values.join('') !== ''));
}

/** Whether a TCP connection can be made. */
export function tcpProbe(host: string, port: number, timeoutMs: number): Promise<NetResult> {
  const {promise, resolve} = Promise.withResolvers<NetResult>();
  const socket = connect({host, port});
  const late = `dial tcp ${joinHostPort(host, port)}: i/o timeout`;
  const cancel = fairTimeout(timeoutMs, () => end('failure', late));
  const end = (outcome: NetResult['outcome'], message: string) => {
    cancel();
    socket.destroy();
    resolve({outcome, message});
  };
  socket.once('connect', () => end('success', ''));
  socket.once('error', (error) => end('failure', socketWords(error)));
  return promise;
}
