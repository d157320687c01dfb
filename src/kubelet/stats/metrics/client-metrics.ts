import {Counter, Histogram, type Registry} from 'prom-client';
import type {SeenRequest} from '../../../edges/kube/request-sight.ts';

const buckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/**
 * Requests to the API server (component-base/metrics/prometheus/restclient). Of client-go's others there are none:
 * this client resolves no names by itself, runs no exec plugins, and has one connection for good and no cache of them;
 * it does not try a call again by itself, and the size of what was sent is not counted.
 */
export class ClientMetrics {
  readonly #requests: Counter<'code' | 'host' | 'method'>;
  readonly #seconds: Histogram<'host' | 'verb'>;
  readonly #turns: Histogram<'host' | 'verb'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#requests = new Counter({
      registers,
      name: 'rest_client_requests_total',
      help: 'Number of HTTP requests, partitioned by status code, method, and host.',
      labelNames: ['code', 'host', 'method'],
    });
    this.#seconds = new Histogram({
      registers,
      name: 'rest_client_request_duration_seconds',
      help: 'Request latency in seconds. Broken down by verb, and host.',
      buckets,
      labelNames: ['host', 'verb'],
    });
    this.#turns = new Histogram({
      registers,
      name: 'rest_client_rate_limiter_duration_seconds',
      help: 'Client side rate limiter latency in seconds. Broken down by verb, and host.',
      buckets,
      labelNames: ['host', 'verb'],
    });
  }

  request({host, method, code, seconds}: SeenRequest): void {
    this.#requests.inc({code, host, method});
    this.#seconds.observe({host, verb: method}, seconds);
  }

  readonly turn = (host: string, verb: string, seconds: number): void =>
    this.#turns.observe({host, verb}, seconds);
}
