import {formatDuration} from '../../config/machine/units.ts';
import type {ProxyConfig} from '../../config/proxy.ts';
import {realClock} from '../../edges/clock.ts';
import {type PlainAnswer, type PlainServer, servePlain} from '../../edges/http/plain-http.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Commits} from '../plane/commits.ts';
import type {ProxyMode} from '../plane/mode.ts';
import type {Following} from './following.ts';
import type {Health, ProxyHealth} from './health.ts';
import type {ProxyMetrics} from './metrics.ts';

type Options = {
  readonly config: ProxyConfig;
  readonly mode: ProxyMode;
  readonly health: ProxyHealth;
  readonly commits: Commits;
  readonly following: Following;
  readonly metrics: ProxyMetrics;
  readonly nodeEligible: () => boolean;
  readonly log: Logger;
};

const retryMs = 5_000;

/** The health port and the metrics port. */
export async function startServers(options: Options): Promise<{stop(): Promise<void>}> {
  const {config} = options;
  const health = await serveOrRetry(options, config.healthz, (path) => healthAnswer(path, options));
  const metrics = await serveOrRetry(options, config.metrics, (path) => metricsAnswer(path, options));
  return {
    async stop() {
      await Promise.all([health.close(), metrics.close()]);
    },
  };
}

/** A taken address ends the proxy only when the configuration says so; Services matter more than their metrics. */
async function serveOrRetry(
  {config, log}: Options,
  {host, port}: {readonly host: string; readonly port: number},
  answer: (path: string) => PlainAnswer | undefined | Promise<PlainAnswer | undefined>,
): Promise<Pick<PlainServer, 'close'>> {
  let closed = false;
  let server: PlainServer | undefined;
  let cancel = () => {};
  const open = async (): Promise<void> => {
    try {
      server = await servePlain({host, port, answer});
      if (closed) await server.close();
    } catch (error) {
      if (config.bindAddressHardFail) throw error;
      log.error('cannot listen, trying again', {host, port, error: describeError(error)});
      cancel = realClock.after(retryMs, () => void open());
    }
  };
  await open();
  return {
    async close() {
      closed = true;
      cancel();
      await server?.close();
    },
  };
}

function healthAnswer(path: string, {health, metrics, nodeEligible}: Options): PlainAnswer | undefined {
  switch (path) {
    case '/healthz':
      return counted(health.ready(nodeEligible()), metrics.healthz);
    case '/livez':
      return counted(health.live(), metrics.livez);
    default:
      return undefined;
  }
}

function counted({healthy, document}: Health, counter: ProxyMetrics['healthz']): PlainAnswer {
  const code = healthy ? 200 : 503;
  counter.inc({code: String(code)});
  return {code, headers: {'Content-Type': 'application/json'}, body: JSON.stringify(document)};
}

async function metricsAnswer(
  path: string,
  {config, mode, metrics, commits, following}: Options,
): Promise<PlainAnswer | undefined> {
  const text = (body: string, type = 'text/plain; charset=utf-8'): PlainAnswer => {
    return {code: 200, headers: {'Content-Type': type}, body};
  };
  switch (path) {
    case '/metrics':
      return text(await metrics.registry.metrics(), metrics.registry.contentType);
    // Service level indicators of component-base; kube-proxy registers none of its own.
    case '/metrics/slis':
      return text('', metrics.registry.contentType);
    case '/healthz':
      return text('ok');
    case '/proxyMode':
      return text(mode);
    case '/committed':
      return text(JSON.stringify(commits.document()), 'application/json');
    case '/following':
      return text(JSON.stringify(following.document()), 'application/json');
    case '/configz':
      return text(
        JSON.stringify({'kubeproxy.config.k8s.io': written(config.configuration)}),
        'application/json',
      );
    default:
      return undefined;
  }
}

/** Durations as a file would have them. */
function written(value: unknown, key = ''): unknown {
  if (typeof value === 'number' && /(Period|Timeout|Frequency)$/.test(key)) return formatDuration(value);
  if (Array.isArray(value)) return value.map((item) => written(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, written(item, name)]));
}
