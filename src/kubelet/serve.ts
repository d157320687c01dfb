import type {KubeletConfig} from '../config/kubelet.ts';
import type {Cri} from '../edges/cri/client.ts';
import type {HttpServer} from '../edges/http/http-server.ts';
import {servePlain} from '../edges/http/plain-http.ts';
import type {KubeClient} from '../edges/kube/client.ts';
import type {KeyPair} from '../edges/trust/certificate-store.ts';
import {describeError} from '../lib/errors.ts';
import type {Logger} from '../lib/log.ts';
import type {Clock} from '../lib/time.ts';
import type {PodAgent} from './agent/agent-api.ts';
import {followClientCa, readClientCa} from './certificates/client-ca.ts';
import {runServing} from './certificates/serving.ts';
import {type HealthChecks, healthz} from './server/pages/healthz.ts';
import type {Metrics} from './server/pages/metrics.ts';
import {startKubeletServer, startReadOnlyServer} from './server/server.ts';
import type {Telemetry} from './stats/metrics/telemetry.ts';
import type {Stats} from './stats/stats.ts';

export type ServeOptions = {
  readonly config: KubeletConfig;
  readonly client: KubeClient;
  readonly cri: Cri;
  readonly agent: PodAgent;
  readonly stats: Stats;
  readonly telemetry: Telemetry;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: HealthChecks;
  readonly setVerbosity?: ((verbosity: number) => void) | undefined;
  readonly addresses: () => readonly {readonly type: string; readonly address: string}[];
};

export type Servers = {close(): Promise<void>};

/** Health on loopback for whoever supervises this process; it tells nothing else (CVE-2019-11248). */
export async function serveHealth(config: KubeletConfig, health: HealthChecks): Promise<Servers> {
  if (config.healthzPort === 0) return {close: async () => undefined};
  return servePlain({
    host: config.healthzBindAddress,
    port: config.healthzPort,
    answer: (path, query) =>
      path.startsWith('/healthz') ? healthz(path, query.has('verbose'), health) : undefined,
  });
}

/** What tools of old read without credentials; off unless `readOnlyPort` says otherwise. */
export async function serveReadOnly(options: ServeOptions): Promise<Servers> {
  if (options.config.readOnlyPort === 0) return {close: async () => undefined};
  const server = await startReadOnlyServer(options);
  options.log.warn('serving without authentication', {port: server.port, field: 'readOnlyPort'});
  return server;
}

/**
 * Serves on `port` as soon as there is a certificate, and with each newer one from then on. Resolves when the first
 * is there and the port is bound, or when the signal aborts.
 */
export async function serveKubelet(options: ServeOptions, signal: AbortSignal): Promise<Servers> {
  const {config, log} = options;
  const {certificates} = options.telemetry;
  const {clientCAFile} = config.authentication.x509;
  let server: HttpServer | undefined;
  let pair: KeyPair | undefined;
  let clientCa = await readClientCa(clientCAFile);
  let opening: Promise<void> = Promise.resolve();
  const {promise: first, resolve, reject} = Promise.withResolvers<void>();
  const use = async (given: KeyPair): Promise<void> => {
    pair = given;
    const tls = {...pair, clientCa};
    if (server === undefined) server = await startKubeletServer({...options, tls});
    else server.replaceTls(tls);
    certificates.inUse('server', pair);
    log.info('serving the kubelet API', {address: config.address, port: server.port});
  };
  const serving = runServing(
    {
      ...options,
      onFailed: () => certificates.failed('server'),
      // One after the other: two certificates must not race for the port.
      onCertificate: (pair) => {
        opening = opening
          .then(() => use(pair))
          .then(resolve, (error: unknown) => {
            log.error('the kubelet API cannot be served', {error: describeError(error)});
            reject(error);
          });
      },
    },
    signal,
  );
  const following = followClientCa(
    {
      file: clientCAFile,
      clock: options.clock,
      log,
      onChange(text) {
        clientCa = text;
        if (pair !== undefined) server?.replaceTls({...pair, clientCa});
      },
    },
    clientCa,
    signal,
  );
  signal.addEventListener('abort', () => resolve(), {once: true});
  await first;
  return {
    async close() {
      await Promise.all([serving, opening, following]);
      await server?.close();
    },
  };
}
