import {availableParallelism, uptime} from 'node:os';
import type {KubeletConfig} from '../config/kubelet.ts';
import {realClock} from '../edges/clock.ts';
import type {Cri} from '../edges/cri/client.ts';
import {type EventRecorder, startEventRecorder} from '../edges/kube/events.ts';
import {watchRequests} from '../edges/kube/request-sight.ts';
import {keepAlive} from '../edges/process/process-life.ts';
import {serviceNotifier} from '../edges/systemd/notify.ts';
import {describeError} from '../lib/errors.ts';
import type {Node, Pod} from '../lib/kubernetes.ts';
import type {Logger} from '../lib/log.ts';
import {startPodAgent} from './agent/agent.ts';
import type {PodAgent} from './agent/agent-api.ts';
import {
  checkMachine,
  checkReservations,
  connectRuntime,
  makeDirectories,
  waitForRuntime,
} from './agent/startup.ts';
import {type ApiAccess, openApiAccess} from './api/api-access.ts';
import {startServiceSource} from './api/service-source.ts';
import {DynamicResources, type DynamicResourcesOptions} from './dra/manager.ts';
import {type Guard, startGuard} from './guard.ts';
import {startUtilChains} from './iptables/keep.ts';
import {ResourceManagers, type ResourceManagersOptions} from './managers/manager.ts';
import {type NodeAgent, startNodeAgent} from './node/agent.ts';
import {startNodePlugins} from './node-plugins.ts';
import {PodCidrs} from './pod-cidrs.ts';
import {startPodResources} from './podresources/start.ts';
import {serveHealth, serveKubelet, serveReadOnly} from './serve.ts';
import type {HealthChecks} from './server/pages/healthz.ts';
import {createMetrics} from './server/pages/metrics.ts';
import {operationName, Telemetry} from './stats/metrics/telemetry.ts';
import type {Stats} from './stats/stats.ts';
import {startTiers, type TierOptions} from './tiers.ts';

/** Parts that were started, stopped in reverse order however the rest went. */
class Started {
  readonly #stops: (() => Promise<void> | void)[] = [];

  keep(stop: () => Promise<void> | void): void {
    this.#stops.unshift(stop);
  }

  async stop(log: Logger): Promise<void> {
    for (const stop of this.#stops.splice(0))
      try {
        await stop();
      } catch (error) {
        log.warn('a part did not stop cleanly', {error: describeError(error)});
      }
  }
}

/**
 * Runs a kubelet until `signal` aborts. Stopping touches no container: the next one finds them running.
 * @throws NodectlError ND601, ND721 or ND722 when it cannot begin
 */
export async function runKubelet(
  config: KubeletConfig,
  signal: AbortSignal,
  log: Logger,
  setVerbosity?: (verbosity: number) => void,
): Promise<void> {
  const started = new Started();
  started.keep(keepAlive());
  try {
    log.info('starting the kubelet', {node: config.nodeName, version: config.version});
    await checkMachine(config, log);
    await makeDirectories(config);
    await checkReservations(config);
    await compose(config, signal, log, started, setVerbosity);
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), {once: true});
      if (signal.aborted) resolve();
    });
  } catch (error) {
    // Asked to stop while still starting: nothing went wrong.
    if (!signal.aborted) throw error;
  } finally {
    log.info('stopping the kubelet; containers go on');
    await started.stop(log);
  }
}

async function compose(
  config: KubeletConfig,
  signal: AbortSignal,
  log: Logger,
  started: Started,
  setVerbosity: ((verbosity: number) => void) | undefined,
): Promise<void> {
  const common = {config, clock: realClock, log, signal};
  const telemetry = new Telemetry(realClock.now(), realClock.now() - uptime() * 1000);
  const onCall = (method: string, ...told: [number, boolean]) =>
    telemetry.runtimeOperation(operationName(method), ...told);
  const cri = connectRuntime(config, onCall);
  started.keep(() => cri.close());
  const [api] = await Promise.all([
    openApiAccess({...common, metrics: telemetry.certificates, onTurn: telemetry.client.turn}),
    waitForRuntime(cri, common),
  ]);
  started.keep(() => api.close());
  const stop = new AbortController();
  const recorder = startEventRecorder({
    client: api.client,
    clock: realClock,
    log,
    component: 'kubelet',
    host: config.nodeName,
    rate: {perSecond: config.eventRecordQPS, burst: config.eventBurst},
  });
  started.keep(() => recorder.stop());
  started.keep(watchRequests((seen) => telemetry.client.request(seen)));
  const {agent, node, stats} = await startAgents({config, api, cri, recorder, log, started, telemetry});
  const chains = startUtilChains(common);
  started.keep(() => chains.stop());
  const rotation = api.rotate(stop.signal);
  // A loop of events that does not go round does not answer either: being asked is being well.
  const well = (name: string) => telemetry.health.counted(name, () => undefined);
  const health: HealthChecks = {ping: well('ping'), log: well('log'), syncloop: well('syncloop')};
  started.keep(async () => {
    stop.abort(new Error('stopping'));
    await rotation;
  });
  if (config.enableServer) {
    const options = {
      ...common,
      client: api.client,
      cri,
      agent,
      health,
      setVerbosity,
      stats,
      telemetry,
      metrics: createMetrics({config, agent, stats, telemetry}),
      addresses: () => node.addresses(),
    };
    const serving = serveKubelet(options, stop.signal);
    // A certificate that must be approved may take its time; pods do not wait for it. A port that is taken ends us.
    if (config.serverTLSBootstrap) serving.catch((error: unknown) => log.error(describeError(error)));
    else await serving;
    started.keep(async () => {
      stop.abort(new Error('stopping'));
      await (await serving).close();
    });
    const readOnly = await serveReadOnly(options);
    started.keep(() => readOnly.close());
  }
  // Healthy is only who could bind the kubelet's port: a join would take one that ends in a moment for a success.
  const healthServer = await serveHealth(config, health);
  started.keep(() => healthServer.close());
  await tellReady(log, started);
  recorder.record(
    {kind: 'Node', name: config.nodeName, uid: config.nodeName},
    'Normal',
    'Starting',
    'Starting kubelet.',
  );
}

type AgentParts = {
  readonly config: KubeletConfig;
  readonly api: ApiAccess;
  readonly cri: Cri;
  readonly recorder: EventRecorder;
  readonly log: Logger;
  readonly started: Started;
  readonly telemetry: Telemetry;
};

/** The pods' side and the Node's side; each asks the other only for what it knows at the moment. */
async function startAgents(parts: AgentParts): Promise<{agent: PodAgent; node: NodeAgent; stats: Stats}> {
  const {config, api, cri, recorder, log, started, telemetry} = parts;
  const common = {config, client: api.limited, cri, clock: realClock, log, telemetry};
  const services = startServiceSource(common);
  started.keep(() => services.stop());
  let node: NodeAgent | undefined;
  let pods: (() => readonly Pod[]) | undefined;
  let guard: Guard | undefined;
  // Before the first pod: the slices of the classes are made with their weights, and pods' in them.
  const tell = nodeEvents(recorder, config.nodeName);
  const tiers = await startTiers({...common, tell, pods: () => pods?.() ?? []});
  started.keep(() => tiers.stop());
  let retry: ((uid: string) => void) | undefined;
  const told: Told = {
    node: () => node?.node(),
    onStatus: () => node?.changed(),
    retry: (uid) => retry?.(uid),
  };
  const holders = await startHolders(common, started, told);
  const plugins = await startNodePlugins({
    ...common,
    ...told,
    recorder,
    devicePlugins: holders.managers.devices.handler,
    draPlugins: holders.dynamicResources.handler,
  });
  const agent = await startPodAgent({
    ...common,
    nodeName: config.nodeName,
    nodeIps: () => internalAddresses(node),
    node: () => node?.node(),
    allocatable: () => node?.node()?.status?.allocatable ?? {},
    recorder,
    services,
    startsAtOnce: 2 * availableParallelism(),
    refuse: (pod, isStatic) => guard?.refuse(pod, isStatic),
    volumePlugins: plugins.volumePlugins,
    ...holders,
  });
  pods = agent.pods;
  retry = agent.retry;
  const podResources = await startPodResources({...common, ...holders, agent});
  started.keep(() => podResources.close());
  started.keep(() => agent.stop());
  // Ends before the pods' side does: that one waits for what drivers are asked for.
  started.keep(() => plugins.stop());
  const watching = await startGuard({...common, recorder, agent, onChange: () => node?.changed()});
  guard = watching;
  started.keep(() => watching.stop());
  const podCidrs = new PodCidrs(cri, log, config);
  node = startNodeAgent({
    ...common,
    client: api.client,
    heartbeatClient: api.heartbeats,
    runtimeReady: () => agent.runtimeReady(),
    volumesInUse: () => plugins.volumesInUse(),
    devices: () => holders.managers.devices.counts(),
    problems: () => [...plugins.problems(), ...watching.problems()],
    pressure: () => watching.pressure(),
    recordEvent: ({type, reason, message}) => tell(type, reason, message),
    onNode: (known) => {
      podCidrs.follow(known);
      plugins.nodeChanged(known);
    },
  });
  const running = node;
  started.keep(() => running.stop());
  return {agent, node, stats: watching.stats};
}

/** The kubelet's Node events name the Node in place of its uid (nodeutil.GetNodeRef): kubectl describe looks for it. */
function nodeEvents(recorder: EventRecorder, name: string): TierOptions['tell'] {
  return (type, reason, message) => recorder.record({kind: 'Node', name, uid: name}, type, reason, message);
}

/** Those who are started first ask and tell those that come later. */
type Told = {
  readonly node: () => Node | undefined;
  readonly onStatus: () => void;
  readonly retry: (uid: string) => void;
};

type Holders = {readonly managers: ResourceManagers; readonly dynamicResources: DynamicResources};

/** Who knows which pod has what for itself: before the plugins that they take, and before the first pod. */
async function startHolders(
  common: Omit<ResourceManagersOptions & DynamicResourcesOptions, 'onStatus' | 'onPods' | 'node'>,
  started: Started,
  told: Told,
): Promise<Holders> {
  const onPods = (uids: readonly string[]) => uids.forEach(told.retry);
  const managers = await ResourceManagers.start({...common, ...told, onPods});
  started.keep(() => managers.stop());
  const dynamicResources = await DynamicResources.start({...common, ...told, onPods});
  started.keep(() => dynamicResources.stop());
  return {managers, dynamicResources};
}

function internalAddresses(node: NodeAgent | undefined): string[] {
  return (node?.addresses() ?? []).filter(({type}) => type === 'InternalIP').map(({address}) => address);
}

async function tellReady(log: Logger, started: Started): Promise<void> {
  const notifier = serviceNotifier(process.env, (error) =>
    log.warn('the service manager cannot be told', {error: describeError(error)}),
  );
  await notifier.ready();
  started.keep(notifier.startWatchdog(() => true));
  started.keep(() => notifier.stopping());
}
