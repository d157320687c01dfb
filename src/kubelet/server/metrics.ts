import {Counter, collectDefaultMetrics, Gauge, Registry} from 'prom-client';
import type {KubeletConfig} from '../../config/kubelet.ts';
import type {PodAgent} from '../agent-api.ts';
import {render} from '../stats/metrics/exposition.ts';
import {nodeFamilies} from '../stats/metrics/kubelet-metrics.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import {housekeepingMs, type Stats} from '../stats/stats.ts';
import type {Snapshot} from '../stats/types.ts';
import type {Endpoint} from './routes.ts';

export type Metrics = {
  readonly contentType: string;
  text(): Promise<string>;
  /** Labels are bounded: an endpoint's name, never a path that a client made up. */
  request(method: string, endpoint: Endpoint | 'refused', code: number): void;
};

const knownMethods = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH'];

export type MetricsSources = {
  readonly config: KubeletConfig;
  readonly agent: PodAgent;
  readonly stats: Stats;
  readonly telemetry: Telemetry;
};

/** `/metrics` of this kubelet; a registry of its own, so that two kubelets of a test do not share one. */
export function createMetrics({config, agent, stats, telemetry}: MetricsSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({register: registry});
  const registers = [registry];
  new Gauge({
    registers,
    name: 'kubelet_node_name',
    help: "The node's name. The count is always 1.",
    labelNames: ['node'],
  }).set({node: config.nodeName}, 1);
  new Gauge({
    registers,
    name: 'kubelet_running_pods',
    help: 'Number of pods that have a running pod sandbox',
    collect() {
      this.set(agent.pods().filter(({status}) => status?.phase === 'Running').length);
    },
  });
  new Gauge({
    registers,
    name: 'kubelet_running_containers',
    help: 'Number of containers currently running',
    labelNames: ['container_state'],
    collect() {
      this.reset();
      for (const [state, count] of containerStates(agent)) this.set({container_state: state}, count);
    },
  });
  const requests = new Counter({
    registers,
    name: 'kubelet_http_requests_total',
    help: 'Number of the http requests received since the server started',
    labelNames: ['method', 'path', 'code'],
  });
  return {
    contentType: registry.contentType,
    text: async () =>
      [
        await registry.metrics(),
        await telemetry.registry.metrics(),
        render(nodeFamilies(config.version, await lately(stats))),
      ].join('\n'),
    request: (method, endpoint, code) =>
      requests.inc({method: knownMethods.includes(method) ? method : 'other', path: endpoint, code}),
  };
}

/** A scrape tells what is known, also while the runtime does not answer. */
async function lately(stats: Stats): Promise<Snapshot | undefined> {
  try {
    return await stats.get(housekeepingMs * 2);
  } catch {
    return undefined;
  }
}

function containerStates(agent: PodAgent): Map<string, number> {
  const counts = new Map<string, number>();
  for (const {status} of agent.pods())
    for (const container of [
      ...(status?.initContainerStatuses ?? []),
      ...(status?.containerStatuses ?? []),
    ]) {
      const state = container.state?.running ? 'running' : container.state?.terminated ? 'exited' : 'created';
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
  return counts;
}
