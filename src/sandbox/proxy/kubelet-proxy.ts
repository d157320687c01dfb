import type {IncomingMessage, OutgoingHttpHeaders, ServerResponse} from 'node:http';
import {Agent, request as httpsRequest, type RequestOptions} from 'node:https';
import type {Duplex} from 'node:stream';
import {pipeline} from 'node:stream';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {ProxyAnswer} from '../api/http/request.ts';
import type {Pki} from '../pki.ts';
import {StatusError} from '../status.ts';

/** Hands requests to a node's kubelet as the API server's own client; what it answers goes back as it is. */
export class KubeletProxy {
  readonly #agent: Agent;
  readonly #log: Logger;

  constructor(pki: Pki, log: Logger) {
    // As kube-apiserver without --kubelet-certificate-authority: kubelets may serve certificates of their own.
    this.#agent = new Agent({
      cert: pki.kubeletClient.cert,
      key: pki.kubeletClient.key,
      rejectUnauthorized: false,
      keepAlive: true,
      maxFreeSockets: 16,
    });
    this.#log = log;
  }

  forward({proxy}: ProxyAnswer, incoming: IncomingMessage, response: ServerResponse): void {
    const outgoing = httpsRequest(this.#options(proxy, incoming), (answer) => {
      response.writeHead(answer.statusCode ?? 502, withoutHop(answer.headers));
      response.flushHeaders();
      pipeline(answer, response, () => outgoing.destroy());
    });
    outgoing.on('error', (error) => {
      if (response.headersSent) return void response.destroy();
      const body = JSON.stringify(unreachable(error).toStatus());
      response.writeHead(500, {'content-type': 'application/json'}).end(body);
    });
    response.on('close', () => outgoing.destroy());
    pipeline(incoming, outgoing, () => undefined);
  }

  /** exec, attach and port-forward: after the kubelet's 101 both directions are only bytes. */
  upgrade({proxy}: ProxyAnswer, incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const options = this.#options(proxy, incoming);
    const outgoing = httpsRequest({
      ...options,
      agent: false,
      cert: this.#agent.options.cert,
      key: this.#agent.options.key,
      rejectUnauthorized: false,
      headers: {
        ...options.headers,
        connection: incoming.headers.connection ?? 'Upgrade',
        upgrade: incoming.headers.upgrade,
      },
    });
    outgoing.on('upgrade', (answer, upstream, upstreamHead) => {
      socket.write(headText(answer));
      if (upstreamHead.length > 0) socket.write(upstreamHead);
      if (head.length > 0) upstream.write(head);
      join(socket, upstream);
    });
    outgoing.on('response', (answer) => {
      socket.write(headText(answer, {connection: 'close'}));
      pipeline(answer, socket, () => undefined);
    });
    outgoing.on('error', (error) => {
      this.#log.debug('kubelet not reached', {host: proxy.host, error: error.message});
      const body = JSON.stringify(unreachable(error).toStatus());
      socket.end(
        `HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    });
    socket.on('close', () => outgoing.destroy());
    outgoing.end();
  }

  close(): void {
    this.#agent.destroy();
  }

  #options(to: ProxyAnswer['proxy'], incoming: IncomingMessage): RequestOptions {
    const {authorization, ...headers} = withoutHop(incoming.headers);
    return {
      host: to.host,
      port: to.port,
      path: to.path,
      method: incoming.method,
      agent: this.#agent,
      headers: {...headers, host: `${to.host}:${to.port}`},
    };
  }
}

const unreachable = (error: Error) =>
  new StatusError(500, 'InternalError', `error dialing backend: ${describeError(error)}`);

const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
];

function withoutHop(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.includes(name)));
}

function headText(answer: IncomingMessage, more: Readonly<Record<string, string>> = {}): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  const raw = answer.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (more[name.toLowerCase()] === undefined && name.toLowerCase() !== 'transfer-encoding')
      lines.push(`${name}: ${raw[i + 1]}`);
  }
  for (const [name, value] of Object.entries(more)) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Bytes both ways; either side's end or failure ends both. */
function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}
