import {realClock} from '../edges/clock.ts';
import {type Reflector, startReflector} from '../edges/kube/watch/reflector.ts';
import type {KubeObject} from '../lib/kubernetes.ts';
import {endpointSlices, type Resource, services} from '../lib/resources.ts';
import {ProxyAgent} from './agent.ts';
import {familyProxy, healthPorts, localAddresses, type Serving} from './assemble.ts';
import {trimSlice} from './model/endpoints.ts';
import type {NodeView} from './model/node.ts';
import {trimService} from './model/services.ts';
import type {FamilyProxy} from './plane/family-proxy.ts';
import {watchTables} from './plane/table-watch.ts';
import {ipWord} from './table/table.ts';

/** A Node that cannot be read (its reader may not) must not keep Services from working. */
const nodeWaitMs = 5_000;
/** kube-proxy waits as long for a node's pod ranges. */
const podCIDRWaitMs = 5 * 60_000;
/** The lists of so many leave garbage that is worth a pause of some tens of milliseconds, and work that is worth compiling. */
const manyServices = 2_000;
/** How often it is looked whether the machine's addresses have changed. */
const addressPeriodMs = 10_000;

/** ServiceCIDRs exist from 1.33 on, and not every reader may list them: they are followed when they can be. */
type ServiceCidr = KubeObject & {spec?: {cidrs?: string[]}};
const serviceCidrs: Resource<ServiceCidr> = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'servicecidrs',
  kind: 'ServiceCIDR',
  namespaced: false,
};

/** Serves until the signal aborts or what every rule depends on has changed. */
export async function serveServices(serving: Serving, signal: AbortSignal): Promise<void> {
  const {config, node, families, metrics, planes, log} = serving;
  await awaitNode(serving, signal);
  if (signal.aborted) return;
  const first = node.view();
  const proxies = families.map((family) => familyProxy(serving, family, first));
  for (const proxy of proxies) follow(serving, proxy);
  const ports = families.map((family) => healthPorts(serving, family));
  const settle = once(async () => {
    serving.heap.collect();
    await planes.settle(signal);
    tables.begin();
  });
  const watches = (): Watches => objects;
  const agent = new ProxyAgent(
    {
      families: proxies,
      stores: {services: () => watches().services.store, slices: () => watches().slices.store},
      clock: realClock,
      log,
      metrics,
      maxWaitMs: config.minSyncPeriodMs,
      nodePortAddresses: config.nodePortAddresses,
      localAddresses,
      onSynced: (sources) => {
        for (const port of ports) port.sync(sources);
        if (agent.isComplete) settle();
      },
    },
    first,
  );
  const objects = watchObjects(serving, agent);
  serving.following.follow({Services: objects.services, EndpointSlices: objects.slices});
  const tables = watchTables(serving, agent, proxies);
  void Promise.all([objects.services.synced, objects.slices.synced]).then(() => {
    if (objects.services.store.size > manyServices) serving.heap.hurry();
    agent.start();
  });
  await untilOver(serving, agent, first, signal);
  tables.stop();
  serving.following.follow({});
  await Promise.all([objects.services.stop(), objects.slices.stop(), objects.cidrs.stop()]);
  await agent.stop();
  await Promise.all(ports.map((port) => port.stop()));
}

function once(work: () => Promise<void>): () => void {
  let begun = false;
  return () => {
    if (!begun) void work();
    begun = true;
  };
}

function follow({commits, config}: Serving, proxy: FamilyProxy): void {
  commits.follow({
    family: proxy.family,
    table: `${ipWord(proxy.family)} ${config.table}`,
    get known() {
      return proxy.known;
    },
    get commits() {
      return proxy.commits;
    },
    services: () => proxy.services(),
  });
}

async function awaitNode({config, node, log}: Serving, signal: AbortSignal): Promise<void> {
  if (config.detectLocal.mode !== 'NodeCIDR') {
    await Promise.race([node.synced, node.until(() => false, nodeWaitMs, signal)]);
    return;
  }
  await node.until(hasPodCIDR, podCIDRWaitMs, signal);
  if (!hasPodCIDR(node.view()))
    log.error('the Node has no podCIDRs: traffic from outside cannot be told from that of pods');
}

/** Follows the Node and the machine's addresses; ends with the signal, or when the pods' ranges are others. */
async function untilOver(
  {config, node}: Serving,
  agent: ProxyAgent,
  first: NodeView,
  signal: AbortSignal,
): Promise<void> {
  const over = Promise.withResolvers<void>();
  const end = () => over.resolve();
  signal.addEventListener('abort', end);
  node.listen((view) => {
    const isOther = hasPodCIDR(view) && podCIDRs(view) !== podCIDRs(first);
    if (config.detectLocal.mode === 'NodeCIDR' && isOther) end();
    else agent.nodeChanged(view);
  });
  let cancel = () => {};
  const again = () => {
    cancel = realClock.after(addressPeriodMs, again);
    agent.refresh();
  };
  again();
  if (signal.aborted) end();
  await over.promise;
  cancel();
  node.listen(undefined);
  signal.removeEventListener('abort', end);
}

function hasPodCIDR({podCIDRs: {IPv4, IPv6}}: NodeView): boolean {
  return IPv4 !== undefined || IPv6 !== undefined;
}

function podCIDRs({podCIDRs: {IPv4, IPv6}}: NodeView): string {
  return `${IPv4} ${IPv6}`;
}

type Watches = ReturnType<typeof watchObjects>;

function watchObjects({client, log}: Serving, agent: ProxyAgent) {
  const common = {client, clock: realClock, log};
  const cidrs: Reflector<ServiceCidr> = startReflector({
    ...common,
    resource: serviceCidrs,
    onEvent: () =>
      agent.serviceCIDRsChanged([...cidrs.store.values()].flatMap((cidr) => cidr.spec?.cidrs ?? []).sort()),
  });
  return {
    services: startReflector({
      ...common,
      resource: services,
      query: {labelSelector: '!service.kubernetes.io/service-proxy-name'},
      trim: trimService,
      onEvent: (change) => agent.serviceChanged(change),
    }),
    slices: startReflector({
      ...common,
      resource: endpointSlices,
      // Also those of Services that are another proxy's: where the label is taken away they serve at once.
      query: {labelSelector: '!service.kubernetes.io/headless'},
      trim: trimSlice,
      onEvent: (change) => agent.sliceChanged(change),
    }),
    cidrs,
  };
}
