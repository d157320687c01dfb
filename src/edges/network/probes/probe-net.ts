import * as http from 'node:http';
import * as https from 'node:https';
import {connect} from 'node:net';
import {fairTimeout} from '../../http/fair-timeout.ts';

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
class UnreadBody extends Error {}

/**
 * One GET as the kubelet's prober makes it: a connection of its own, no proxy, any certificate, 200–399 is good.
 * @throws when an answer came, but could not be read to its end
 */
export async function httpProbe(probe: HttpProbe): Promise<NetResult> {
  const deadline = new AbortController();
  const cancel = fairTimeout(probe.timeoutMs, () => deadline.abort());
  const signal =
    probe.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, probe.signal]);
  try {
    return await get(new URL(urlOf(probe)), probe, signal, 1);
  } catch (error) {
    if (error instanceof UnreadBody) throw error;
    const why = deadline.signal.aborted
      ? 'context deadline exceeded'
      : String(error instanceof Error ? error.message : error);
    const answered = isPlainAnswer(error) ? ({answered: 'plain'} as const) : {};
    return {outcome: 'failure', message: `Get "${urlOf(probe)}": ${why}`, ...answered};
  } finally {
    cancel();
  }
}

/** What OpenSSL makes of the first bytes of an HTTP answer. */
const plainAnswer = /wrong version number|packet length too long/;

function isPlainAnswer(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && error.code === 'EPROTO' && plainAnswer.test(error.message)
  );
}

function urlOf({scheme, host, port, path}: HttpProbe): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${scheme}://${name}:${port}${path.startsWith('/') ? '' : '/'}${path}`;
}

async function get(url: URL, probe: HttpProbe, signal: AbortSignal, requests: number): Promise<NetResult> {
  const {status, location, body} = await request(url, probe, signal);
  const next = redirecting.includes(status) && location !== undefined ? new URL(location, url) : undefined;
  if (next !== undefined && next.hostname === url.hostname) {
    if (requests >= maxRedirects)
      return {outcome: 'failure', message: `Get "${next}": stopped after ${maxRedirects} redirects`};
    return get(next, probe, signal, requests + 1);
  }
  if (status >= 300 && status < 400)
    return {outcome: 'warning', message: `Probe terminated redirects, Response body: ${body}`};
  if (status >= 200 && status < 300) return {outcome: 'success', message: body};
  return {outcome: 'failure', message: `HTTP probe failed with statuscode: ${status}`, answered: 'status'};
}

type Answer = {status: number; location: string | undefined; body: string};

function request(url: URL, probe: HttpProbe, signal: AbortSignal): Promise<Answer> {
  const {promise, resolve, reject} = Promise.withResolvers<Answer>();
  let answered = false;
  const fail = (cause: Error) =>
    reject(answered ? new UnreadBody(`the answer of ${url} did not end: ${cause.message}`, {cause}) : cause);
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
    answered = true;
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
  sent.on('error', fail);
  return promise;
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
  const cancel = fairTimeout(timeoutMs, () => end('failure', `dial tcp ${host}:${port}: i/o timeout`));
  const end = (outcome: NetResult['outcome'], message: string) => {
    cancel();
    socket.destroy();
    resolve({outcome, message});
  };
  socket.once('connect', () => end('success', ''));
  socket.once('error', (error) => end('failure', `dial tcp ${host}:${port}: ${error.message}`));
  return promise;
}
