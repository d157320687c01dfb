import {withDeadline} from '../../edges/deadline.ts';
import type {NftChain, NftSight} from '../../edges/nftables/nft-sight.ts';
import {type Finding, failure} from '../check.ts';
import {endsAll, ownerOf, rulesMet} from '../network/firewalls.ts';
import {nodeCheck} from '../node/context.ts';

/** A packet passes only when every chain at the hook lets it: one that drops by default must know the pods. */
export const forwardDrop = nodeCheck({
  name: 'ForwardPolicy',
  category: 'proxy',
  codes: ['ND745'],
  looks: 'reads the chains at the forward hook, of nftables and of iptables-legacy',
  after: ['Joined'],
  async observe({sight}, signal) {
    const [nft, legacy, node] = await Promise.all([
      sight.nft(),
      sight.legacyRules(),
      withDeadline(1000, signal, () => sight.node()).catch(() => undefined),
    ]);
    const podCidr = node?.kind === 'there' ? node.object.spec?.podCIDR : undefined;
    return {nft, legacy, podCidr};
  },
  judge: ({nft, legacy, podCidr}) => judgeForward(nft, legacy, podCidr),
});

/** Links of pods, and the marks and chains that network plugins accept pods by. */
const knowsPods = /cni0|cali|cilium|flannel|weave|veth|lxc|KUBE-|FLANNEL|CNI-|0x4000/;

export function judgeForward(
  nft: NftSight,
  legacy: readonly string[],
  podCidr: string | undefined,
): readonly Finding[] {
  const lets = (text: string) => knowsPods.test(text) || (podCidr !== undefined && text.includes(podCidr));
  const chain = nft.all.find(
    (one) => one.hook === 'forward' && endsAll(one) && !rulesMet(nft, one, true).some(lets),
  );
  if (chain !== undefined) return [finding(`${chain.table} ${chain.name}`, adviceFor(nft, chain, podCidr))];
  const drops = legacy.some((text) => text === 'filter -P FORWARD DROP');
  if (!drops || legacy.some((text) => text.includes('-A FORWARD') && lets(text))) return [];
  return [finding('iptables-legacy FORWARD', 'sudo iptables-legacy -P FORWARD ACCEPT')];
}

function adviceFor(nft: NftSight, chain: NftChain, podCidr = 'POD_CIDR'): string {
  const place = `${chain.table} ${chain.name}`;
  switch (ownerOf(nft, chain)) {
    case 'firewalld':
      return `sudo firewall-cmd --permanent --zone=trusted --add-source=${podCidr} && sudo firewall-cmd --reload`;
    case 'ufw':
      return 'sudo ufw default allow routed';
    case undefined:
      return chain.policy === 'drop' && /^ip6? filter FORWARD$/.test(place)
        ? 'sudo iptables -P FORWARD ACCEPT'
        : `sudo nft --handle list chain ${place}`;
  }
}

function finding(place: string, next: string): Finding {
  return failure('ND745', `the chain ${place} drops what pods send`, next);
}
