import type {IncomingMessage, ServerResponse} from 'node:http';
import {relative} from 'node:path';
import type {KubeletConfig} from '../../config/kubelet.ts';
import {type Cri, isCriNotFound} from '../../edges/cri/client.ts';
import {ContainerState} from '../../edges/cri/gen/api_pb.ts';
import {isMissing} from '../../edges/files/files.ts';
import {cpuProfile} from '../../edges/machine/cpu-profile.ts';
import {type HostFacts, readHostFacts} from '../../edges/machine/host-facts.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {PodAgent} from '../agent/agent-api.ts';
import {cadvisorText} from '../stats/cadvisor/text.ts';
import {readHandles} from '../stats/handles.ts';
import {contentType} from '../stats/metrics/exposition.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import {resourceText} from '../stats/resource.ts';
import {housekeepingMs, type Stats} from '../stats/stats.ts';
import {summary} from '../stats/summary.ts';
import type {Snapshot} from '../stats/types.ts';
import {type Admitted, parseTarget} from './auth/admit.ts';
import {Refusal} from './auth/refusal.ts';
import {hasContainer, loggedContainer, logProblem, parseLogOptions} from './logs/log-options.ts';
import {sendLogs} from './logs/logs.ts';
import {serveNodeLogs} from './logs/node-logs.ts';
import {configz} from './pages/configz.ts';
import {type HealthChecks, healthz} from './pages/healthz.ts';
import type {Metrics} from './pages/metrics.ts';
import {type Profile, parseProfile, parseVerbosity, profileIndex} from './pages/profiles.ts';
import {runningPods} from './pages/running-pods.ts';
import {flagz, type Page, render, statusz} from './pages/zpages.ts';
import {servedPaths} from './routes.ts';
import {checkpoint, runCommand} from './streams.ts';

export type EndpointParts = {
  readonly config: KubeletConfig;
  readonly cri: Cri;
  readonly agent: PodAgent;
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: HealthChecks;
  readonly metrics: Metrics;
  readonly stats: Stats;
  readonly telemetry: Telemetry;
  /** Of the log, while the kubelet runs. */
  readonly setVerbosity?: ((verbosity: number) => void) | undefined;
};

export type Serve = (admitted: Admitted, request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** metrics-server and `kubectl top` want to see the last seconds; several that ask at once share a reading. */
const freshMs = 2_000;

/** Answers requests that were admitted, streams aside. */
export function createEndpoints(parts: EndpointParts): Serve {
  const endpoints = new Endpoints(parts);
  return (admitted, request, response) => endpoints.serve(admitted, request, response);
}

class Endpoints {
  readonly #parts: EndpointParts;
  #machine: Promise<HostFacts> | undefined;
  #profiling = false;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
  }

  async serve(admitted: Admitted, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const {agent, cri, config, metrics, telemetry} = this.#parts;
    switch (admitted.route.endpoint) {
      case 'healthz':
        return this.#health(admitted, request, response);
      case 'pods':
        return json(response, {kind: 'PodList', apiVersion: 'v1', metadata: {}, items: agent.pods()});
      case 'running-pods':
        return json(response, await runningPods(cri));
      case 'configz':
        return json(response, configz(config));
      case 'metrics':
        return text(response, await metrics.text(), metrics.contentType);
      case 'resource-metrics':
        return text(response, resourceText(await this.#usageOrNothing()), contentType);
      case 'cadvisor-metrics':
        return text(response, await this.#cadvisor(), contentType);
      case 'probe-metrics':
        return text(response, await telemetry.probes.registry.metrics(), contentType);
      case 'sli-metrics':
        return text(response, await telemetry.health.registry.metrics(), contentType);
      case 'statusz':
        return this.#page(statusz(config, startedMs(), Date.now(), servedPaths()), request, response);
      case 'flagz':
        return this.#page(flagz(config), request, response);
      case 'checkpoint':
        return json(response, await checkpoint(admitted, this.#parts));
      case 'stats':
        return json(response, await this.#summary(admitted.query));
      case 'logs':
        return this.#logs(admitted, response);
      case 'run':
        return text(response, await runCommand(admitted, this.#parts), 'text/plain; charset=utf-8');
      case 'exec':
      case 'attach':
      case 'port-forward':
        throw new Refusal(400, 'Upgrade request required');
      case 'node-logs':
        return serveNodeLogs(parseTarget(request.url ?? '').path, response);
      case 'profiles':
        return this.#profile(parseProfile(parseTarget(request.url ?? '').path, admitted.query), response);
      case 'debug-flags':
        return this.#verbosity(request, response);
      case 'not-found':
        throw new Refusal(404, '404 page not found');
      default:
        admitted.route.endpoint satisfies never;
    }
  }

  async #profile(profile: Profile, response: ServerResponse): Promise<void> {
    if (profile.kind === 'index') return text(response, profileIndex, 'text/html; charset=utf-8');
    if (profile.kind === 'cmdline')
      return text(response, process.argv.join('\0'), 'text/plain; charset=utf-8');
    if (this.#profiling)
      throw new Refusal(500, 'Could not enable CPU profiling: cpu profiling already in use');
    this.#profiling = true;
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the client has gone')));
    try {
      json(response, await cpuProfile(profile.ms, gone.signal));
    } finally {
      this.#profiling = false;
    }
  }

  /** `PUT /debug/flags/v` with a number; until the next start. */
  async #verbosity(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'PUT') throw new Refusal(406, 'unsupported http method');
    const verbosity = parseVerbosity(await readBody(request));
    this.#parts.setVerbosity?.(verbosity);
    text(response, `successfully set klog.logging.verbosity to ${verbosity}`, 'text/plain');
  }

  #health({query}: Admitted, request: IncomingMessage, response: ServerResponse): void {
    const answer = healthz(parseTarget(request.url ?? '').path, query.has('verbose'), this.#parts.health);
    if (answer === undefined) throw new Refusal(404, '404 page not found');
    response.statusCode = answer.code;
    text(response, answer.body, 'text/plain; charset=utf-8');
  }

  #page(page: Page, {headers}: IncomingMessage, response: ServerResponse): void {
    const {body, contentType, warning} = render(page, headers.accept);
    if (warning !== undefined) response.setHeader('Warning', warning);
    text(response, body, contentType);
  }

  /** A scrape whose source fails says so in a metric; it does not fail itself. */
  async #usageOrNothing(): Promise<Snapshot | undefined> {
    try {
      return await this.#parts.stats.get(freshMs);
    } catch (error) {
      this.#parts.log.warn('container statistics cannot be read', {error: describeError(error)});
      return undefined;
    }
  }

  async #cadvisor(): Promise<string> {
    const {config, stats} = this.#parts;
    this.#machine ??= readHostFacts(config.rootDir);
    const [machine, snapshot] = await Promise.all([this.#machine, stats.get(housekeepingMs)]);
    return cadvisorText(snapshot, {...machine, version: config.version}, await readHandles(snapshot));
  }

  async #summary(query: URLSearchParams): Promise<object> {
    const {config, stats} = this.#parts;
    const cpuAndMemory = query.get('only_cpu_and_memory') === 'true';
    return summary(config.nodeName, await stats.get(freshMs), {cpuAndMemory});
  }

  async #logs({route, query}: Admitted, response: ServerResponse): Promise<void> {
    const {agent, clock, config} = this.#parts;
    const {namespace = '', pod: name = '', container = ''} = route.parameters;
    const parsed = parseLogOptions(query, clock.now());
    if ('code' in parsed) throw new Refusal(parsed.code, parsed.message);
    const {options} = parsed;
    const pod = agent.find(namespace, name);
    if (pod === undefined) throw new Refusal(404, `pod "${name}" does not exist`);
    if (!hasContainer(pod, container))
      throw new Refusal(404, `container "${container}" not found in pod "${name}"`);
    const problem = logProblem(pod, container, options.previous);
    if (problem !== undefined) throw new Refusal(400, problem);
    const path = agent.logPath(namespace, name, container, options.previous);
    if (path === undefined)
      throw new Refusal(404, `the log of container "${container}" in pod "${name}" is gone`);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    // A follower sees at once that it is connected, even if nothing is written for hours.
    if (options.follow) response.flushHeaders();
    await sendLogs({
      options,
      root: config.podLogsDir,
      path: relative(config.podLogsDir, path),
      isRunning: () => this.#isRunning(pod, container),
      write: (bytes) => write(response, bytes, gone.signal),
      signal: gone.signal,
    }).catch((error: unknown) => {
      throw isMissing(error) ? new Refusal(404, `the log of container "${container}" is gone`, error) : error;
    });
    response.end();
  }

  async #isRunning(pod: Pod, container: string): Promise<boolean> {
    const containerId = loggedContainer(pod, container, false);
    if (containerId === undefined) return false;
    try {
      const {status} = await this.#parts.cri.runtime.containerStatus({containerId});
      return status?.state === ContainerState.CONTAINER_RUNNING;
    } catch (error) {
      // A runtime that does not answer says nothing about the container.
      return !isCriNotFound(error);
    }
  }
}

/** Of the one endpoint that has a body: a number. */
async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > 100) throw new Refusal(400, 'the body is too long');
  }
  return body;
}

function startedMs(): number {
  return Date.now() - process.uptime() * 1000;
}

function json(response: ServerResponse, value: object): void {
  text(response, JSON.stringify(value), 'application/json');
}

function text(response: ServerResponse, body: string | Buffer, contentType: string): void {
  response.setHeader('Content-Type', contentType);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.end(body);
}

/** Waits for a slow client instead of buffering for it. */
function write(response: ServerResponse, bytes: Buffer, signal: AbortSignal): Promise<void> {
  if (signal.aborted || response.write(bytes)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    signal.addEventListener('abort', done, {once: true});
  });
}
