import {Counter, Gauge, Histogram, type Registry} from 'prom-client';
import type {Endpoint} from '../routes.ts';

const knownMethods = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH'];
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Kubernetes' names of what was asked for: never a path that a client made up (server.go, getMetricBucket). */
const paths: Readonly<Record<Endpoint, string>> = {
  healthz: 'healthz',
  pods: 'pods',
  'running-pods': 'runningpods',
  configz: 'configz',
  metrics: 'metrics',
  'resource-metrics': 'metrics/resource',
  'cadvisor-metrics': 'metrics/cadvisor',
  'probe-metrics': 'metrics/probes',
  'sli-metrics': 'other',
  stats: 'stats',
  logs: 'containerLogs',
  exec: 'exec',
  attach: 'attach',
  'port-forward': 'portForward',
  run: 'run',
  checkpoint: 'checkpoint',
  statusz: 'statusz',
  flagz: 'flagz',
  'node-logs': 'logs',
  profiles: 'debug',
  'debug-flags': 'debug',
  'not-found': 'other',
};
const longRunning: readonly Endpoint[] = ['exec', 'attach', 'port-forward'];

export type HttpLabels = {
  readonly method: string;
  readonly path: string;
  readonly server_type: string;
  readonly long_running: string;
};

export function httpLabels(method: string, endpoint: Endpoint): HttpLabels {
  return {
    method: knownMethods.includes(method) ? method : 'other',
    path: paths[endpoint],
    server_type: 'readwrite',
    long_running: String(longRunning.includes(endpoint)),
  };
}

/** Counts the requests to this kubelet; what is returned is told the end of one with its status code. */
export function countRequests(registry: Registry): (labels: HttpLabels) => (code: number) => void {
  const registers = [registry];
  const labelNames = ['method', 'path', 'server_type', 'long_running'] as const;
  const requests = new Counter({
    registers,
    name: 'kubelet_http_requests_total',
    help: 'Number of the http requests received since the server started',
    labelNames: [...labelNames, 'code'],
  });
  const seconds = new Histogram({
    registers,
    name: 'kubelet_http_requests_duration_seconds',
    help: 'Duration in seconds to serve http requests',
    labelNames,
    buckets,
  });
  const inflight = new Gauge({
    registers,
    name: 'kubelet_http_inflight_requests',
    help: 'Number of the inflight http requests',
    labelNames,
  });
  return (labels) => {
    const elapsed = seconds.startTimer(labels);
    inflight.inc(labels);
    return (code) => {
      inflight.dec(labels);
      elapsed();
      requests.inc({...labels, code});
    };
  };
}

/** How many streams came as WebSockets (the others are SPDY), by what they are for. */
export function countWebSockets(registry: Registry): (endpoint: Endpoint) => void {
  const requests = new Counter({
    registers: [registry],
    name: 'kubelet_websocket_streaming_requests_total',
    help: 'Total number of WebSocket streaming requests (exec/attach/portforward) received by the kubelet.',
    labelNames: ['subresource'],
  });
  return (endpoint) => requests.inc({subresource: endpoint.replace('-', '')});
}
