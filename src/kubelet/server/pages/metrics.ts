import {collectDefaultMetrics, Gauge, Registry} from 'prom-client';
import {gateStates} from '../../../config/kubelet/gate-stages.ts';
import type {KubeletConfig} from '../../../config/kubelet.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import type {PodAgent} from '../../agent/agent-api.ts';
import {type Family, labelText, render} from '../../stats/metrics/exposition.ts';
import {nodeFamilies} from '../../stats/metrics/kubelet-metrics.ts';
import type {Telemetry} from '../../stats/metrics/telemetry.ts';
import {housekeepingMs, type Stats} from '../../stats/stats.ts';
import type {Snapshot} from '../../stats/types.ts';
import type {Endpoint} from '../routes.ts';
import {countRequests, countWebSockets, httpLabels} from './http-metrics.ts';

export type Metrics = {
  readonly contentType: string;
  text(): Promise<string>;
  /** A request begins; the answer is to be told the status code at its end. */
  request(method: string, endpoint: Endpoint): (code: number) => void;
  /** A stream that was let in came as a WebSocket. */
  webSocket(endpoint: Endpoint): void;
};

export type MetricsSources = {
  readonly config: KubeletConfig;
  readonly agent: Pick<PodAgent, 'pods' | 'active' | 'working' | 'mirrors'>;
  readonly stats: Stats;
  readonly telemetry: Telemetry;
};

/** How often the delay of the event loop is measured: by default a process that only waits wakes a hundred times a second. */
const loopDelayEveryMs = 1_000;

/** `/metrics` of this kubelet; a registry of its own, so that two kubelets of a test do not share one. */
export function createMetrics({config, agent, stats, telemetry}: MetricsSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({register: registry, eventLoopMonitoringPrecision: loopDelayEveryMs});
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
  new Gauge({
    registers,
    name: 'kubelet_metrics_provider',
    help: "Metrics provider used by kubelet to collect container stats. Values can be 'cadvisor' and 'cri'",
    labelNames: ['provider'],
    // Read from the cgroups, as by cAdvisor: the runtime is not asked.
  }).set({provider: 'cadvisor'}, 1);
  podGauges(registers, agent);
  workingGauge(registers, agent);
  resizeGauges(registers, agent);
  const begin = countRequests(registry);
  // Two hundred lines that never change.
  const features = render([featureFamily(config)]);
  return {
    contentType: registry.contentType,
    text: async () =>
      [
        await registry.metrics(),
        await telemetry.registry.metrics(),
        features,
        render(nodeFamilies(config.version, await lately(stats))),
      ].join('\n'),
    request: (method, endpoint) => begin(httpLabels(method, endpoint)),
    webSocket: countWebSockets(registry),
  };
}

function featureFamily({featureGates}: KubeletConfig): Family {
  return {
    name: 'kubernetes_feature_enabled',
    help: 'This metric records the data about the stage and enablement of a k8s feature.',
    type: 'gauge',
    lines: gateStates(featureGates).map(({name, stage, enabled}) => ({
      labels: labelText({name, stage}),
      value: enabled ? 1 : 0,
    })),
  };
}

const staticSources = ['file', 'http'];

function isStatic({metadata}: Pod): boolean {
  return staticSources.includes(metadata.annotations?.['kubernetes.io/config.source'] ?? '');
}

/** Pods by whether they come from this machine: those that shall run, those that hold a part of it, and mirrors. */
function podGauges(registers: Registry[], agent: MetricsSources['agent']): void {
  const gauge = (name: string, help: string, pods: () => readonly boolean[]) =>
    new Gauge({
      registers,
      name,
      help,
      labelNames: ['static'],
      collect() {
        const found = pods();
        const own = found.filter((is) => is).length;
        this.set({static: 'true'}, own);
        this.set({static: ''}, found.length - own);
      },
    });
  gauge(
    'kubelet_desired_pods',
    'The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.',
    () => agent.pods().map(isStatic),
  );
  gauge(
    'kubelet_active_pods',
    'The number of pods the kubelet considers active and which are being considered when admitting new pods. static is true if the pod is not from the apiserver.',
    () => agent.active().map(({pod}) => isStatic(pod)),
  );
  new Gauge({
    registers,
    name: 'kubelet_mirror_pods',
    help: 'The number of mirror pods the kubelet will try to create (one per admitted static pod)',
    collect() {
      this.set(agent.mirrors());
    },
  });
  new Gauge({
    registers,
    name: 'kubelet_managed_ephemeral_containers',
    help: 'Current number of ephemeral containers in pods managed by this kubelet.',
    collect() {
      this.set(agent.pods().reduce((sum, {spec}) => sum + (spec.ephemeralContainers?.length ?? 0), 0));
    },
  });
}

const lifecycles = ['sync', 'terminating', 'terminated'] as const;
const origins = [
  {config: 'desired', is: ''},
  {config: 'desired', is: 'true'},
  {config: 'orphan', is: ''},
  {config: 'orphan', is: 'true'},
  {config: 'runtime_only', is: 'unknown'},
] as const;

/** Every combination that there can be, also while no pod is of it. */
function workingGauge(registers: Registry[], agent: MetricsSources['agent']): void {
  new Gauge({
    registers,
    name: 'kubelet_working_pods',
    help: 'Number of pods the kubelet is actually running, broken down by lifecycle phase, whether the pod is desired, orphaned, or runtime only (also orphaned), and whether the pod is static. An orphaned pod has been removed from local configuration or force deleted in the API and consumes resources that are not otherwise visible.',
    labelNames: ['lifecycle', 'config', 'static'],
    collect() {
      for (const {config, is} of origins)
        for (const lifecycle of lifecycles) this.set({lifecycle, config, static: is}, 0);
      for (const {pod, config, lifecycle} of agent.working()) {
        const own = pod === undefined ? 'unknown' : isStatic(pod) ? 'true' : '';
        this.inc({lifecycle, config, static: own});
      }
    },
  });
}

/** Resizes that wait, by why, and those that go on: as the pods' conditions say. */
function resizeGauges(registers: Registry[], agent: MetricsSources['agent']): void {
  const reasons = (type: string) =>
    agent
      .pods()
      .flatMap(({status}) => status?.conditions?.filter((condition) => condition.type === type) ?? [])
      .map(({reason = ''}) => reason.toLowerCase());
  new Gauge({
    registers,
    name: 'kubelet_pod_pending_resizes',
    help: 'Number of pending resizes for pods.',
    labelNames: ['reason'],
    collect() {
      this.reset();
      for (const reason of reasons('PodResizePending')) this.inc({reason});
    },
  });
  new Gauge({
    registers,
    name: 'kubelet_pod_in_progress_resizes',
    help: 'Number of in-progress resizes for pods.',
    collect() {
      this.set(reasons('PodResizeInProgress').length);
    },
  });
}

/** A scrape tells what is known, also while the runtime does not answer. */
async function lately(stats: Stats): Promise<Snapshot | undefined> {
  try {
    return await stats.get(housekeepingMs * 2);
  } catch {
    return undefined;
  }
}

function containerStates(agent: MetricsSources['agent']): Map<string, number> {
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
