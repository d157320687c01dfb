import type {ProxyConfig} from '../config/proxy.ts';
import {realClock} from '../edges/clock.ts';
import {exists} from '../edges/files/files.ts';
import {loadKubeconfig} from '../edges/kube/connection.ts';
import {type EventRecorder, startEventRecorder} from '../edges/kube/events.ts';
import {connectKube} from '../edges/kube/http-client.ts';
import type {Heap} from '../edges/machine/heap.ts';
import {type Nft, openNft} from '../edges/nftables/nft.ts';
import {findOtherProxy, type OtherProxy} from '../edges/nftables/other-proxy.ts';
import type {Family} from '../lib/addresses.ts';
import {NodectlError} from '../lib/errors.ts';
import type {Logger} from '../lib/log.ts';
import type {Serving} from './assemble.ts';
import {type WrittenConfig, watchConfig} from './config-watch.ts';
import {Following} from './health/following.ts';
import {ProxyHealth} from './health/health.ts';
import {createMetrics, keepOnly} from './health/metrics.ts';
import {startServers} from './health/servers.ts';
import {type NodeWatch, watchNode} from './node-watch.ts';
import {Commits} from './plane/commits.ts';
import {openPlanes, removeIptables, removeNftables} from './plane/planes.ts';
import {Rivals} from './rivals.ts';
import {serveServices} from './serve.ts';
import {applySettings} from './settings.ts';

export type RunOptions = {
  readonly heap: Heap;
  /** The file of its configuration. */
  readonly written?: WrittenConfig | undefined;
  readonly rivalPeriodMs?: number;
};

/**
 * Serves until `ending` aborts, or `written` is written anew; the rules stay and go on serving. A node whose pod ranges change
 * (detectLocalMode NodeCIDR) starts over with them, as every rule may depend on them.
 * @throws NodectlError ND711, ND712, ND713, ND601 when it cannot begin, ND715 when its configuration has changed
 */
export async function runProxy(
  config: ProxyConfig,
  ending: AbortSignal,
  log: Logger,
  {heap, written, rivalPeriodMs = 15_000}: RunOptions,
): Promise<void> {
  const rewritten = written === undefined ? undefined : watchConfig(written);
  const signal = rewritten === undefined ? ending : AbortSignal.any([ending, rewritten.signal]);
  try {
    await serveUntil(config, signal, log, {heap, rivalPeriodMs});
  } finally {
    rewritten?.stop();
  }
  if (!ending.aborted) rewritten?.signal.throwIfAborted();
}

async function serveUntil(
  config: ProxyConfig,
  signal: AbortSignal,
  log: Logger,
  {heap, rivalPeriodMs}: {readonly heap: Heap; readonly rivalPeriodMs: number},
): Promise<void> {
  if (config.kubeconfig === '') throw new NodectlError('ND713', 'no kubeconfig was given');
  const families = await usableFamilies();
  const nft = openNft({clock: realClock});
  const metrics = createMetrics();
  const monotonic = () => realClock.monotonic();
  const planes = await openPlanes({config, families, nft, metrics, monotonic, log});
  keepOnly(planes.mode, metrics);
  const client = connectKube(await loadKubeconfig(config.kubeconfig));
  const health = new ProxyHealth(2 * config.syncPeriodMs, () => realClock.now());
  const commits = new Commits(health);
  const following = new Following();
  const events = startEventRecorder({
    client,
    clock: realClock,
    log,
    component: 'kube-proxy',
    host: config.nodeName,
  });
  const node: NodeWatch = watchNode({config, client, log});
  const servers = await startServers({
    config,
    mode: planes.mode,
    health,
    commits,
    following,
    metrics,
    nodeEligible: () => node.view().eligible,
    log,
  });
  const {mode} = planes;
  const rivals = new Rivals({
    // In the iptables mode both would write the same chains: whose they are cannot be told.
    look: async () => (mode === 'nftables' ? findOtherProxy() : undefined),
    clock: realClock,
    periodMs: rivalPeriodMs,
    log,
  });
  const serving = {
    config,
    client,
    families,
    health,
    commits,
    following,
    metrics,
    planes,
    node,
    events,
    log,
    heap,
  };
  try {
    await applySettings(config, families, log);
    started(events, config);
    while (!signal.aborted) {
      const until = AbortSignal.any([signal, rivals.changed]);
      if (rivals.current === undefined) await serveServices(serving, until);
      else await standDown(rivals.current, serving, nft, until);
    }
  } finally {
    rivals.stop();
    await Promise.allSettled([node.stop(), servers.stop(), events.stop(), nft.stop()]);
    await client.close();
  }
}

/** Leaves the packets to the rules of the other one, which are there already. */
async function standDown(
  {pid, name}: OtherProxy,
  {config, families, health, commits, log}: Serving,
  nft: Nft,
  until: AbortSignal,
): Promise<void> {
  log.warn('another service proxy serves here: standing down', {code: 'ND738', name, pid});
  commits.forget();
  health.standDown(`${name} (process ${pid})`);
  await removeNftables(families, config.table, nft);
  if (!until.aborted) await new Promise((resolve) => until.addEventListener('abort', resolve, {once: true}));
  health.standDown(undefined);
  log.warn('serving Services again; rules that the other service proxy has left come before ours', {name});
}

/** Only what needs all of root's rights: sysctls and the OOM score. */
export async function initProxy(config: ProxyConfig, log: Logger): Promise<void> {
  await applySettings(config, await usableFamilies(), log);
}

/** Removes the proxy's own rules of either mode; nothing of anybody else is touched. */
export async function cleanupProxy(config: Pick<ProxyConfig, 'table'>): Promise<void> {
  const nft: Nft = openNft({clock: realClock});
  const families = await usableFamilies();
  try {
    await removeNftables(families, config.table, nft);
    await removeIptables(families);
  } finally {
    await nft.stop();
  }
}

/** IPv6 rules are kept wherever the kernel has IPv6, even before the node has such an address. */
async function usableFamilies(): Promise<Family[]> {
  return (await exists('/proc/net/if_inet6')) ? ['IPv4', 'IPv6'] : ['IPv4'];
}

function started(events: EventRecorder, {nodeName}: ProxyConfig): void {
  events.record({kind: 'Node', name: nodeName, uid: nodeName}, 'Normal', 'Starting', '');
}
