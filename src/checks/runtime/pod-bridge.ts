import {join} from 'node:path';
import {type Bridge, bridgeOf} from '../../config/runtime/cni.ts';
import {withDeadline} from '../../edges/deadline.ts';
import {listDirectory, readText} from '../../edges/files/files.ts';
import {type BridgeSight, seeBridge} from '../../edges/network/links.ts';
import type {NftSight} from '../../edges/nftables/nft-sight.ts';
import {cidrContains, parseAddress, parseCidr} from '../../lib/addresses.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import {type Finding, failure} from '../check.ts';
import {type NodeContext, nodeCheck} from '../node/context.ts';

/** The first pod makes the bridge; once it is there, it must be up, be the pods' gateway and hold them all. */
export const podBridge = nodeCheck({
  name: 'PodBridge',
  category: 'runtime',
  codes: ['ND509', 'ND518'],
  looks:
    'looks whether the bridge of the CNI configuration is up, has its address, its pods and their masquerading',
  after: ['CNIConfig'],
  // The first configuration is not the one that the pods which run were made with.
  follows: ['CNIConfig'],
  async observe(context, signal): Promise<Observed | undefined> {
    const {sight, options} = context;
    const bridge = await configured(options.layout.cniConfDir);
    if (bridge === undefined) return undefined;
    const [seen, runtime, pods, rules] = await Promise.all([
      seeBridge(bridge.name),
      sight.runtime(),
      withDeadline(1000, signal, () => sight.pods()).catch(() => undefined),
      bridge.masquerades ? seeRules(context) : undefined,
    ]);
    return {
      bridge,
      seen,
      sandboxes: runtime.kind === 'answers' ? runtime.sandboxIds.length : 0,
      settled: pods?.kind === 'there' ? settledPods(pods.object, bridge, context.nowMs) : 0,
      masqueraded: rules === undefined || masquerades(rules.nft, rules.legacy),
    };
  },
  judge: (seen) => (seen === undefined ? [] : judgeBridge(seen)),
});

export type Observed = {
  readonly bridge: Bridge;
  /** Undefined when there is no such link. */
  readonly seen: BridgeSight | undefined;
  readonly sandboxes: number;
  /** Pods of this network that have run for a while. */
  readonly settled: number;
  readonly masqueraded: boolean;
};

async function configured(directory: string): Promise<Bridge | undefined> {
  const names = await listDirectory(directory);
  const first = names.find((name) => /\.(conf|conflist|json)$/.test(name));
  return bridgeOf((first === undefined ? undefined : await readText(join(directory, first))) ?? '');
}

type Rules = {readonly nft: NftSight; readonly legacy: readonly string[]};

async function seeRules({sight}: NodeContext): Promise<Rules | undefined> {
  try {
    const [nft, legacy] = await Promise.all([sight.nft(), sight.legacyRules()]);
    return {nft, legacy};
  } catch {
    return undefined;
  }
}

/** The plugin's own chains of each pod (`CNI-…`), or since 1.7 its table of nftables. */
export function masquerades(nft: NftSight, legacy: readonly string[]): boolean {
  return (
    nft.tables.some((table) => table.endsWith(' cni_plugins_masquerade')) ||
    nft.all.some(
      ({hook, rules}) => hook === 'postrouting' && rules.some((text) => /\b(jump|goto) CNI-/.test(text)),
    ) ||
    legacy.some((text) => /-A POSTROUTING .*-j CNI-/.test(text))
  );
}

/** What the API tells of pods is a moment old: only who has run for this long is counted. */
const settledMs = 30_000;

export function settledPods(pods: readonly Pod[], {subnets}: Bridge, nowMs: number): number {
  return pods.filter(
    ({metadata, spec, status}) =>
      metadata.deletionTimestamp === undefined &&
      spec.hostNetwork !== true &&
      status?.phase === 'Running' &&
      nowMs - Date.parse(status.startTime ?? '') > settledMs &&
      isWithin(status.podIP ?? '', subnets),
  ).length;
}

function isWithin(ip: string, subnets: readonly string[]): boolean {
  const address = parseAddress(ip);
  return (
    address !== undefined &&
    subnets.some((cidr) => {
      const range = parseCidr(cidr);
      return range !== undefined && cidrContains(range, address);
    })
  );
}

const anew = 'kubectl drain NODE --ignore-daemonsets, then uncordon: pods that start anew get theirs again.';

export function judgeBridge({bridge, seen, sandboxes, settled, masqueraded}: Observed): readonly Finding[] {
  const {name, subnets} = bridge;
  if (seen === undefined)
    return settled === 0
      ? []
      : [failure('ND509', `the pods’ bridge ${name} is gone: ${count(settled)} no network`, anew)];
  const foreign = seen.addresses.filter((address) => !isWithin(address, subnets));
  if (subnets.length > 0 && foreign.length > 0 && foreign.length === seen.addresses.length)
    return [
      failure(
        'ND509',
        `the pods’ bridge ${name} has the address ${foreign[0]} of another network\npods get addresses of ${subnets.join(', ')}`,
        `sudo ip link delete ${name}: the next pod makes it anew`,
      ),
    ];
  if (sandboxes === 0) return [];
  if (!seen.up) return [failure('ND509', `the pods’ bridge ${name} is down`, `sudo ip link set ${name} up`)];
  if (seen.addresses.length === 0)
    return [
      failure(
        'ND509',
        `the pods’ bridge ${name} has no address: pods reach nothing but each other`,
        `sudo ip address add GATEWAY/24 dev ${name} (the first address of the pods’ range)`,
        'The next pod that starts gives it back.',
      ),
    ];
  if (seen.ports < settled)
    return [
      failure(
        'ND509',
        `only ${seen.ports} of ${settled} pods are plugged into the bridge ${name}: it was made anew`,
        anew,
      ),
    ];
  if (masqueraded || settled === 0) return [];
  return [
    failure(
      'ND518',
      `pods reach nothing beyond this node: their masquerading rules were flushed`,
      anew,
      'Find out who flushes all rules: a firewall that restarts, iptables -F in a script.',
    ),
  ];
}

function count(pods: number): string {
  return pods === 1 ? 'a pod has' : `${pods} pods have`;
}
