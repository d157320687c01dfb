import type {IncomingMessage, ServerResponse} from 'node:http';
import type {Duplex} from 'node:stream';
import {tlsOptions} from '../../config/kubelet/tls.ts';
import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {type HttpServer, startHttpServer, type TlsMaterial} from '../../edges/http/http-server.ts';
import {proxyUpgrade} from '../../edges/http/upgrade-proxy.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {PodAgent} from '../agent/agent-api.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import type {Stats} from '../stats/stats.ts';
import {admit, type Gate, parseTarget} from './auth/admit.ts';
import {Authenticator} from './auth/authenticate.ts';
import {Authorizer} from './auth/authorize.ts';
import {Refusal} from './auth/refusal.ts';
import {createEndpoints, type Serve} from './endpoints.ts';
import type {HealthChecks} from './pages/healthz.ts';
import type {Metrics} from './pages/metrics.ts';
import {type Endpoint, matchRoute} from './routes.ts';
import {streamUrl} from './streams.ts';

export type KubeletServerOptions = {
  readonly config: KubeletConfig;
  /** For TokenReviews and SubjectAccessReviews; without an API server nobody but certificates is known. */
  readonly client: KubeClient | undefined;
  readonly cri: Cri;
  readonly agent: PodAgent;
  readonly stats: Stats;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: HealthChecks;
  readonly setVerbosity?: ((verbosity: number) => void) | undefined;
};

const streaming: readonly string[] = ['exec', 'attach', 'port-forward'];

/** The kubelet's own API: https on `port`, each request authenticated and authorised. */
export async function startKubeletServer(
  options: KubeletServerOptions & {readonly tls: TlsMaterial},
): Promise<HttpServer> {
  const {config} = options;
  const server = new KubeletServer(options, guardedGate(options));
  return startHttpServer({
    address: config.address,
    port: config.port,
    tls: {...options.tls, ...tlsOptions(config)},
    onRequest: (request, response) => void server.serve(request, response),
    mayUpgrade: ({url}) => streaming.includes(matchRoute(parseTarget(url ?? '').path).endpoint),
    onUpgrade: (request, socket, head) => void server.upgrade(request, socket, head),
  });
}

/**
 * Only where `readOnlyPort` asks for it: http, for everybody who reaches it, without what shows or touches containers
 * (ListenAndServeKubeletReadOnlyServer).
 */
export async function startReadOnlyServer(options: KubeletServerOptions): Promise<HttpServer> {
  const {config} = options;
  const server = new KubeletServer(options, openGate(options));
  return startHttpServer({
    address: config.address,
    port: config.readOnlyPort,
    onRequest: (request, response) => void server.serve(request, response),
    mayUpgrade: () => false,
  });
}

function guardedGate({config, client, clock, log}: KubeletServerOptions): Gate {
  const {authentication, authorization} = config;
  return {
    log,
    debugging: config.enableDebuggingHandlers,
    disabled: new Map<Endpoint, string>([
      ...(config.enableSystemLogHandler ? [] : [['node-logs', 'logs endpoint is disabled.'] as const]),
      ...(config.enableProfilingHandler ? [] : [['profiles', 'profiling endpoint is disabled.'] as const]),
      ...(config.enableDebugFlagsHandler ? [] : [['debug-flags', 'flags endpoint is disabled.'] as const]),
    ]),
    authenticator: new Authenticator({
      client,
      clock,
      anonymous: authentication.anonymous.enabled,
      webhook: authentication.webhook.enabled,
      cacheMs: authentication.webhook.cacheTTL,
    }),
    authorizer: new Authorizer({
      client,
      clock,
      mode: authorization.mode,
      nodeName: config.nodeName,
      allowedMs: authorization.webhook.cacheAuthorizedTTL,
      deniedMs: authorization.webhook.cacheUnauthorizedTTL,
    }),
  };
}

/** Nobody is asked who he is. */
function openGate({config, clock, log}: KubeletServerOptions): Gate {
  const nobody = {client: undefined, clock};
  return {
    log,
    debugging: false,
    disabled: new Map(),
    authenticator: new Authenticator({...nobody, anonymous: true, webhook: false, cacheMs: 0}),
    authorizer: new Authorizer({
      ...nobody,
      mode: 'AlwaysAllow',
      nodeName: config.nodeName,
      allowedMs: 0,
      deniedMs: 0,
    }),
  };
}

class KubeletServer {
  readonly #options: KubeletServerOptions;
  readonly #gate: Gate;
  readonly #metrics: Metrics;
  readonly #serve: Serve;

  constructor(options: KubeletServerOptions, gate: Gate) {
    this.#options = options;
    this.#metrics = options.metrics;
    this.#serve = createEndpoints(options);
    this.#gate = gate;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ended = this.#begin(request);
    // Hardly an endpoint reads a body; an announced one is read and dropped, within the request's time.
    if (matchRoute(parseTarget(request.url ?? '').path).endpoint !== 'debug-flags') request.resume();
    try {
      const admitted = await admit(request, this.#gate);
      await this.#serve(admitted, request, response);
      ended(response.statusCode);
    } catch (error) {
      const {httpCode, message} = this.#refusal(error);
      ended(httpCode);
      if (response.headersSent) response.destroy();
      else send(response, httpCode, message);
    }
  }

  /** exec, attach and port-forward: from here on only bytes are moved. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Until the proxy takes over, a client that goes away must not end the process.
    socket.on('error', () => undefined);
    const ended = this.#begin(request);
    try {
      const admitted = await admit(request, this.#gate);
      if (request.headers.upgrade?.toLowerCase() === 'websocket')
        this.#metrics.webSocket(admitted.route.endpoint);
      const url = await streamUrl(admitted, this.#options);
      const idleMs = this.#options.config.streamingConnectionIdleTimeout;
      await proxyUpgrade({request, socket, head, url, idleMs});
      ended(101);
    } catch (error) {
      const {httpCode, message} = this.#refusal(error);
      ended(httpCode);
      refuseUpgrade(socket, httpCode, message);
    }
  }

  #begin({method = '', url = ''}: IncomingMessage): (code: number) => void {
    return this.#metrics.request(method, matchRoute(parseTarget(url).path).endpoint);
  }

  #refusal(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    this.#options.log.warn('a request to the kubelet failed', {error: describeError(error)});
    return new Refusal(500, describeError(error), error);
  }
}

/** Plain text, as upstream; never a redirect (CVE-2020-8559). */
function send(response: ServerResponse, code: number, message: string): void {
  response.writeHead(code, {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(message);
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
};

function refuseUpgrade(socket: Duplex, code: number, message: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = Buffer.from(message);
  const head = [
    `HTTP/1.1 ${code} ${reasons[code] ?? 'Internal Server Error'}`,
    'Content-Type: text/plain; charset=utf-8',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]), () => socket.destroy());
}
