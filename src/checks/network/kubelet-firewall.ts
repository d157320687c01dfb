import type {NftSight} from '../../edges/nftables/nft-sight.ts';
import {type Finding, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';
import {endsAll, ownerOf, rulesMet} from './firewalls.ts';

/** Nobody but the API server can try its way to this node, so this machine's own rules are read. */
export const kubeletFirewall = nodeCheck({
  name: 'KubeletFirewall',
  category: 'network',
  codes: ['ND319'],
  looks: 'reads this machine’s firewall for what becomes of TCP to the kubelet’s port',
  after: ['Joined'],
  async observe({sight, options}) {
    const [nft, legacy, config] = await Promise.all([
      sight.nft(),
      sight.legacyRules(),
      sight.kubeletConfig().catch(() => undefined),
    ]);
    return {nft, legacy, port: config?.port ?? options.ports.kubelet};
  },
  judge: ({nft, legacy, port}) => judgeFirewall(nft, legacy, port),
});

export function judgeFirewall(nft: NftSight, legacy: readonly string[], port: number): readonly Finding[] {
  const rule = nft.all
    .filter(({hook}) => hook === 'input' || hook === 'prerouting')
    .flatMap(({table, name, rules}) => rules.map((text) => ({place: `${table} ${name}`, text})))
    .find(({text}) => closes(text, port));
  const old = legacy.find((text) => /-A INPUT/.test(text) && closes(text, port));
  const closed = rule === undefined ? old : `${rule.place}: ${rule.text}`;
  if (closed !== undefined) return [finding(port, closed)];
  const strict = nft.all.find(
    (chain) =>
      chain.hook === 'input' &&
      endsAll(chain) &&
      // What is accepted at another hook, or in another table, does not pass this chain.
      !rulesMet(nft, chain, false).some((text) => opens(text, port)),
  );
  if (strict === undefined) return [];
  const how = `${strict.table} ${strict.name} drops what no rule accepts`;
  return [finding(port, how, ownerOf(nft, strict))];
}

function finding(port: number, how: string, owner?: 'firewalld' | 'ufw'): Finding {
  const ufw = `sudo ufw allow ${port}/tcp`;
  const firewalld = `sudo firewall-cmd --permanent --add-port=${port}/tcp && sudo firewall-cmd --reload`;
  return warning(
    'ND319',
    `a firewall closes the kubelet’s port ${port}: no logs, exec and metrics\n${how}`,
    ...(owner === undefined ? [ufw, firewalld] : [owner === 'ufw' ? ufw : firewalld]),
  );
}

function closes(text: string, port: number): boolean {
  return namesPort(text, port) && /\b(drop|reject|DROP|REJECT)\b/.test(text);
}

/** An accept for the port itself, for a set or a range that has it, or for whole interfaces but loopback. */
function opens(text: string, port: number): boolean {
  if (!/\baccept\b/.test(text)) return false;
  if (/^iifname "?lo"?\b|^iif "?lo"?\b|ct state \{? ?(established|related)|ct status dnat/.test(text))
    return false;
  return namesPort(text, port) || !/dport|icmp|l4proto|protocol/.test(text);
}

/** `tcp dport 10250`, `{ 22, 10250 }`, `10000-11000`, `--dport 10250`, `--dports 22,10250`. */
function namesPort(text: string, port: number): boolean {
  const named = /dports? (?:!= )?(\{[^}]*\}|\S+)/.exec(text)?.[1] ?? '';
  return [...named.matchAll(/(\d+)(?:[-:](\d+))?/g)].some(
    ([, from, to]) => port >= Number(from) && port <= Number(to ?? from),
  );
}
