import {jumpRule, jumps} from './fixed.ts';
import {
  canary,
  forward,
  isServiceChain,
  kubeletFirewall,
  loopback,
  markMasquerade,
  owner,
  places,
  postrouting,
  type TableName,
} from './names.ts';
import type {Observed} from './observed.ts';
import {type Input, newChain, removals, section} from './text.ts';

const tables: readonly TableName[] = ['mangle', 'filter', 'nat'];
const perInput = 600;
const own = new Set([
  ...places,
  `filter ${forward}`,
  `nat ${postrouting}`,
  `nat ${markMasquerade}`,
  `nat ${loopback}`,
  ...tables.map((table) => `${table} ${canary}`),
  ...tables.map((table) => `${table} ${owner}`),
]);

/** Whether the rules are nodectl's; kube-proxy's look the same but for one chain. */
export function isOurs({chains}: Observed): boolean {
  return chains.has(`filter ${owner}`) || chains.has(`nat ${owner}`);
}

/**
 * Takes away what the iptables mode has put in: first the jumps, so that packets pass by, then the chains. A chain
 * that somebody else's rule names stays, and so does KUBE-FIREWALL where a kubelet looks after it.
 */
export function removalInputs(observed: Observed): Input[] {
  const gone = new Set([...observed.chains].filter((chain) => isRemovable(chain, observed)));
  const kept = namedByOthers(observed, gone);
  for (const chain of kept) gone.delete(chain);
  const jumpLines = tables.flatMap((table) =>
    section(
      table,
      jumps
        .filter((jump) => jump.table === table && gone.has(`${table} ${jump.to}`))
        .flatMap((jump) => {
          const rules = observed.rules.get(`${table} ${jump.from}`) ?? [];
          return rules.filter((rule) => rule === jumpRule(jump)).map((rule) => `-D ${jump.from} ${rule}`);
        }),
    ),
  );
  const ofTable = (table: TableName) =>
    [...gone].filter((chain) => chain.startsWith(`${table} `)).map((chain) => chain.slice(table.length + 1));
  const emptied = kept.filter((chain) => chain !== `nat ${markMasquerade}`);
  return [
    ...(jumpLines.length === 0 ? [] : [jumpLines]),
    ...emptied.map((chain) => emptyChain(chain)),
    ...tables.flatMap((table) => removals(table, ofTable(table), perInput)),
  ];
}

/** It must not name chains that go. */
function emptyChain(chain: string): Input {
  const table = tables.find((one) => chain.startsWith(`${one} `)) ?? 'nat';
  return section(table, [newChain(chain.slice(table.length + 1))]);
}

function isRemovable(chain: string, observed: Observed): boolean {
  if (own.has(chain)) return true;
  const [table, name = ''] = chain.split(' ');
  if (table === 'nat' && isServiceChain(name)) return true;
  return chain === `filter ${kubeletFirewall}` && !hasKubelet(observed) && isCopy(observed);
}

function hasKubelet({chains}: Observed): boolean {
  return tables.some((table) => chains.has(`${table} KUBE-KUBELET-CANARY`));
}

function isCopy({rules}: Observed): boolean {
  const held = rules.get(`filter ${kubeletFirewall}`) ?? [];
  return held.every((rule) => rule.includes('block incoming localnet connections'));
}

function namedByOthers({rules}: Observed, gone: ReadonlySet<string>): string[] {
  const ours = new Set(jumps.map((jump) => `${jump.table} ${jump.from} ${jumpRule(jump)}`));
  return [...rules].flatMap(([chain, list]) => {
    if (gone.has(chain)) return [];
    const table = chain.slice(0, chain.indexOf(' '));
    return list
      .filter((rule) => !ours.has(`${chain} ${rule}`))
      .flatMap((rule) => {
        const target = /(?:^| )-[jg] (\S+)/.exec(rule)?.[1];
        return target !== undefined && gone.has(`${table} ${target}`) ? [`${table} ${target}`] : [];
      });
  });
}
