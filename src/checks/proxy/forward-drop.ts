import {withDeadline} from '../../edges/deadline.ts';
import type {NftSight} from '../../edges/nftables/nft-sight.ts';
import {type Finding, failure} from '../check.ts';
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
    ({hook, policy, rules}) => hook === 'forward' && policy === 'drop' && !rules.some(lets),
  );
  if (chain !== undefined) {
    const place = `${chain.table} ${chain.name}`;
    const iptables = /^ip6? filter FORWARD$/.test(place);
    return [finding(place, iptables ? 'sudo iptables -P FORWARD ACCEPT' : `sudo nft list chain ${place}`)];
  }
  const closed = nft.all.find(({hook, rules}) => hook === 'forward' && dropsAll(rules, lets));
  if (closed !== undefined) {
    const place = `${closed.table} ${closed.name}`;
    return [finding(place, `sudo nft --handle list chain ${place}`)];
  }
  const drops = legacy.some((text) => text === 'filter -P FORWARD DROP');
  if (!drops || legacy.some((text) => text.includes('-A FORWARD') && lets(text))) return [];
  return [finding('iptables-legacy FORWARD', 'sudo iptables-legacy -P FORWARD ACCEPT')];
}

/** A rule without any condition ends the chain for whatever was not let through before it. */
function dropsAll(rules: readonly string[], lets: (text: string) => boolean): boolean {
  const at = rules.findIndex((text) => /^(counter packets \d+ bytes \d+ )?(drop|reject)\b/.test(text));
  return at >= 0 && !rules.slice(0, at).some(lets);
}

function finding(place: string, next: string): Finding {
  return failure('ND745', `the chain ${place} drops what pods send`, next);
}
