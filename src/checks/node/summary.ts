import {withDeadline} from '../../edges/deadline.ts';
import type {HostFacts} from '../../edges/machine/host-facts.ts';
import {type DiskSpace, diskSpace} from '../../edges/mounts/disk.ts';
import type {Lease, Node, Pod} from '../../lib/kubernetes.ts';
import type {DaemonSummary, NodeSummary} from '../../lib/node-report.ts';
import {evictionThreshold} from '../host/memory/eviction.ts';
import {pairProblem, readCertificate} from '../identity/client-certificate.ts';
import type {Daemon, NodeContext, Told} from './context.ts';

/** The checks have looked already: what they saw is told here, and little is asked anew. */
const lateMs = 500;

/** Of a node that could not be looked at. */
export const unseenNode: NodeSummary = {
  name: undefined,
  version: undefined,
  address: undefined,
  server: undefined,
  ready: undefined,
  cordoned: false,
  daemons: {kubelet: undefined, proxy: undefined, containerd: undefined},
  foreign: false,
  runtime: undefined,
  pods: undefined,
  dataPlane: undefined,
  certificateDays: undefined,
  leaseSeconds: undefined,
  memory: undefined,
  disk: undefined,
};

export async function summarize(context: NodeContext, signal: AbortSignal): Promise<NodeSummary> {
  const {sight, nowMs, options} = context;
  const seen = <T>(look: () => Promise<T>): Promise<T | undefined> =>
    withDeadline(lateMs, signal, look).catch(() => undefined);
  const [connection, node, pods, lease, host, images, runtime, config, kubelet, proxy, containerd, plane] =
    await Promise.all([
      seen(sight.connection),
      seen(sight.node).then(told),
      seen(sight.pods).then(told),
      seen(sight.lease).then(told),
      seen(sight.host),
      seen(() => diskSpace(options.layout.containerdRoot)),
      seen(sight.runtime),
      seen(sight.kubeletConfig),
      daemonOf(context, 'kubelet', seen),
      daemonOf(context, 'proxy', seen),
      daemonOf(context, 'containerd', seen),
      seen(() => dataPlane(context)),
    ]);
  const credentials = connection?.credentials;
  const hard = config?.evictionHard ?? {};
  return {
    name: node?.metadata.name ?? config?.nodeName,
    version: node?.status?.nodeInfo?.kubeletVersion,
    address: node?.status?.addresses?.find(({type}) => type === 'InternalIP')?.address,
    server: connection?.server,
    ready: node === undefined ? undefined : readyOf(node),
    cordoned: node?.spec?.unschedulable === true,
    daemons: {kubelet, proxy, containerd},
    foreign: context.joined === 'other',
    runtime: runtime?.kind === 'answers' ? `${runtime.name} ${runtime.version}` : undefined,
    pods: pods === undefined ? undefined : countPods(pods),
    dataPlane: plane,
    certificateDays:
      credentials?.kind === 'certificate' && pairProblem(credentials.cert, credentials.key) === undefined
        ? Math.floor((readCertificate(credentials.cert, undefined).notAfterMs - nowMs) / 86_400_000)
        : undefined,
    leaseSeconds: lease === undefined ? undefined : leaseAge(lease, nowMs),
    ...room(host, images, hard),
  };
}

function room(
  host: HostFacts | undefined,
  images: DiskSpace | undefined,
  hard: Readonly<Record<string, string>>,
): Pick<NodeSummary, 'memory' | 'disk'> {
  if (host === undefined) return {memory: undefined, disk: undefined};
  const {disk, memoryAvailableBytes, memoryBytes} = host;
  return {
    memory: {
      availableBytes: memoryAvailableBytes,
      totalBytes: memoryBytes,
      evictBelow: hard['memory.available'] ?? '100Mi',
    },
    disk: {
      freeBytes: disk.freeBytes,
      totalBytes: disk.totalBytes,
      evictBelow: diskThreshold(disk, images, hard),
    },
  };
}

/** With one disk for all, the higher of two thresholds is what counts. */
function diskThreshold(
  {totalBytes}: HostFacts['disk'],
  images: DiskSpace | undefined,
  hard: Readonly<Record<string, string>>,
): string {
  const node = hard['nodefs.available'] ?? '10%';
  const image = hard['imagefs.available'] ?? '15%';
  const higher = evictionThreshold(image, totalBytes) > evictionThreshold(node, totalBytes);
  return higher && images?.totalBytes === totalBytes ? image : node;
}

function told<T>(answer: Told<T> | undefined): T | undefined {
  return answer?.kind === 'there' ? answer.object : undefined;
}

async function daemonOf(
  {sight}: NodeContext,
  daemon: Daemon,
  seen: <T>(look: () => Promise<T>) => Promise<T | undefined>,
): Promise<DaemonSummary | undefined> {
  const found = await seen(() => sight.daemon(daemon));
  if (found === undefined || !found.status.installed) return undefined;
  return {
    running: found.status.running,
    upSeconds: found.upMs === undefined ? undefined : Math.round(found.upMs / 1000),
    restarts: found.status.restarts,
  };
}

/** Ports of Services that the kernel translates, as the proxy committed them. */
async function dataPlane({sight, proxied}: NodeContext): Promise<NodeSummary['dataPlane']> {
  const commits = proxied ? await sight.commits() : undefined;
  if (commits === undefined) return undefined;
  const all = Object.values(commits);
  const plane = all.some(({table}) => table !== undefined) ? 'nftables' : 'iptables';
  return {plane, ports: all.reduce((sum, {services}) => sum + services, 0)};
}

function readyOf(node: Node): NodeSummary['ready'] {
  const ready = node.status?.conditions?.find(({type}) => type === 'Ready');
  return ready === undefined
    ? undefined
    : {status: ready.status, reason: ready.reason ?? '', since: ready.lastTransitionTime ?? ''};
}

function countPods(pods: readonly Pod[]): NodeSummary['pods'] {
  const ended = pods.filter(({status}) => ['Succeeded', 'Failed'].includes(status?.phase ?? '')).length;
  const running = pods.filter(
    ({status}) =>
      status?.phase === 'Running' &&
      (status.containerStatuses ?? []).every(({state}) => state?.waiting === undefined),
  ).length;
  return {running, ended, waiting: pods.length - ended - running};
}

function leaseAge(lease: Lease, nowMs: number): number | undefined {
  const renewed = Date.parse(lease.spec?.renewTime ?? '');
  return Number.isNaN(renewed) ? undefined : Math.max(0, Math.round((nowMs - renewed) / 1000));
}
