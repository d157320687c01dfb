import type {Backend} from '../../edges/nftables/iptables.ts';
import type {IptablesSight} from '../../edges/nftables/packet-filters.ts';
import {NodectlError} from '../../lib/errors.ts';

export type ProxyMode = 'nftables' | 'iptables';

export type ChosenMode =
  | {readonly mode: 'nftables'; readonly reason: string | undefined}
  | {
      readonly mode: 'iptables';
      readonly backend: Backend;
      readonly version: string;
      /** Why it is not what was asked for. */
      readonly reason: string | undefined;
    };

/** What kube-proxy's nftables mode asks for (cmd/kube-proxy/app/server_linux.go, pkg/proxy/nftables). */
const leastKernel = '5.13';
const leastNft = '1.0.1';
const leastForRandomFully = '1.6.2';

/**
 * Which data plane serves: the one that was asked for, or the other one with the reason. A node whose Services work
 * differently underneath is what its user wants; a node without Services is not. `kinds` is only asked when needed.
 * @throws NodectlError ND712 when neither can
 */
export async function chooseMode(
  wanted: ProxyMode,
  nftLacks: string | undefined,
  kinds: () => Promise<readonly IptablesSight[]>,
): Promise<ChosenMode> {
  if (wanted === 'nftables' && nftLacks === undefined) return {mode: 'nftables', reason: undefined};
  const kind = chooseBackend(await kinds());
  if (kind !== undefined) {
    const {backend, version} = kind;
    return {mode: 'iptables', backend, version, reason: wanted === 'iptables' ? undefined : nftLacks};
  }
  if (nftLacks !== undefined)
    throw new NodectlError('ND712', `${nftLacks}, and iptables is not installed either`);
  return {mode: 'nftables', reason: 'iptables is not installed'};
}

/** Why nftables cannot be used here; undefined when the kernel and nft are new enough. */
export function lackOfNft(kernel: string, nft: string | undefined, anyKernel: boolean): string | undefined {
  if (nft === undefined) return 'nft is not installed';
  if (isOlder(nft, leastNft)) return `nft ${nft} is older than ${leastNft}`;
  if (!anyKernel && isOlder(kernel, leastKernel)) return `kernel ${kernel} is older than ${leastKernel}`;
  return undefined;
}

/**
 * As iptables-wrapper chooses: a kubelet's chains say which kind the host uses, iptables-nft first; without them the
 * kind that has more rules.
 */
export function chooseBackend(kinds: readonly IptablesSight[]): IptablesSight | undefined {
  const hinted = kinds.find((kind) => kind.hinted);
  const [first, ...others] = kinds;
  return hinted ?? others.reduce((best, kind) => (best && best.rules >= kind.rules ? best : kind), first);
}

export function knowsRandomFully(version: string): boolean {
  return !isOlder(version, leastForRandomFully);
}

function isOlder(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => text.split(/[^\d]+/).map(Number));
  for (const [i, number] of (want ?? []).entries()) {
    const own = have?.[i] ?? 0;
    if (own !== number) return own < number;
  }
  return false;
}
