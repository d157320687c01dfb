import type {Family} from '../../lib/addresses.ts';
import {describeError} from '../../lib/errors.ts';
import type {EndpointSlice, Service} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Cancel, Clock} from '../../lib/time.ts';
import {mergeSlices} from '../model/endpoints.ts';
import {healthCheckNodePort, viewService} from '../model/services.ts';
import type {ServiceSource} from '../table/family-table.ts';

export type Answer = {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};
export type Listen = (host: string, port: number, answer: () => Answer) => Promise<{close(): Promise<void>}>;

type Options = {
  readonly family: Family;
  readonly nodeName: string;
  readonly listen: Listen;
  /** Where to listen: the node-port addresses, or all. */
  readonly hosts: () => readonly string[];
  readonly proxyHealthy: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** A port could not be opened; becomes an Event on the Service. */
  readonly onFailed: (service: Service, message: string) => void;
};

type Check = {
  readonly port: number;
  localEndpoints: number;
  readonly service: Service;
  servers: {close(): Promise<void>}[];
  cancelRetry: Cancel;
  /** Whoever has the port may keep it for long: that is said once. */
  told: boolean;
};

/** The proxy before this one may still hold the port, or a Service that is about to give it up. */
const retryMs = 5_000;

/**
 * Health check node ports of LoadBalancer Services with externalTrafficPolicy Local: load balancers ask them which
 * nodes have endpoints (pkg/proxy/healthcheck/service_health.go).
 */
export class HealthPorts {
  readonly #options: Options;
  readonly #checks = new Map<string, Check>();
  #work: Promise<void> = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Follows what a round has looked at. A port that one Service gives up may be another's in the same round. */
  sync(sources: ReadonlyMap<string, ServiceSource>): void {
    const openings: (() => void)[] = [];
    for (const [key, {service, slices}] of sources) {
      const port = this.#portOf(service);
      const known = this.#checks.get(key);
      if (known !== undefined && known.port === port) {
        known.localEndpoints = this.#count(slices);
        continue;
      }
      if (known !== undefined) this.#close(key, known);
      if (port !== 0 && service !== undefined) openings.push(() => this.#open(key, port, service, slices));
    }
    for (const open of openings) open();
  }

  async stop(): Promise<void> {
    for (const [key, check] of this.#checks) this.#close(key, check);
    await this.#work;
  }

  /** 0 for none, as nearly every Service has it; whose family it is costs more to know. */
  #portOf(service: Service | undefined): number {
    const port = service === undefined ? 0 : healthCheckNodePort(service);
    const isOurs = port !== 0 && service !== undefined && viewService(service, this.#options.family);
    return isOurs ? port : 0;
  }

  #count(slices: readonly EndpointSlice[]): number {
    const {family, nodeName} = this.#options;
    const endpoints = [...mergeSlices(slices, family, nodeName, () => undefined).values()].flat();
    return new Set(endpoints.filter((e) => e.local && e.ready).map((e) => e.ip)).size;
  }

  #open(key: string, port: number, service: Service, slices: readonly EndpointSlice[]): void {
    const localEndpoints = this.#count(slices);
    const check: Check = {port, localEndpoints, service, servers: [], cancelRetry: () => {}, told: false};
    this.#checks.set(key, check);
    this.#then(() => this.#listen(key, check));
  }

  #close(key: string, check: Check): void {
    this.#checks.delete(key);
    check.cancelRetry();
    this.#then(() => closeServers(check));
  }

  /** One after the other: a port may be closed for one Service and opened for another in the same round. */
  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(work);
  }

  async #listen(key: string, check: Check): Promise<void> {
    const {hosts, listen, clock} = this.#options;
    if (this.#checks.get(key) !== check) return;
    try {
      for (const host of hosts())
        check.servers.push(await listen(host, check.port, () => this.#answer(check)));
    } catch (error) {
      this.#failed(check, error);
      await closeServers(check);
    }
    if (check.servers.length > 0 || this.#checks.get(key) !== check) return;
    check.cancelRetry = clock.after(retryMs, () => this.#then(() => this.#listen(key, check)));
  }

  #failed(check: Check, error: unknown): void {
    const {nodeName, log, onFailed} = this.#options;
    const {port, service, told} = check;
    check.told = true;
    if (told) return;
    log.error('a health check port cannot be opened, trying again', {port, error: describeError(error)});
    onFailed(
      service,
      `node ${nodeName} failed to start healthcheck on port ${port}: ${describeError(error)}`,
    );
  }

  #answer({service: {metadata}, localEndpoints}: Check): Answer {
    const serviceProxyHealthy = this.#options.proxyHealthy();
    const document = {
      service: {namespace: metadata.namespace, name: metadata.name},
      localEndpoints,
      serviceProxyHealthy,
    };
    return {
      code: localEndpoints > 0 && serviceProxyHealthy ? 200 : 503,
      headers: {
        'Content-Type': 'application/json',
        'X-Load-Balancing-Endpoint-Weight': String(localEndpoints),
      },
      body: JSON.stringify(document, null, '\t'),
    };
  }
}

async function closeServers(check: Check): Promise<void> {
  for (const server of check.servers.splice(0)) await server.close();
}
