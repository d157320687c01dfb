import {type Backend, type Iptables, openIptables} from '../../../../src/edges/nftables/iptables.ts';
import type {Family} from '../../../../src/lib/addresses.ts';
import {places} from '../../../../src/proxy/iptables/names.ts';
import {type Observed, readSaved} from '../../../../src/proxy/iptables/observed.ts';
import type {Netns} from '../../support/netns.ts';

export function iptablesIn(netns: Netns, family: Family, backend: Backend): Iptables {
  return openIptables({family, backend, command: ['nsenter', `--net=${netns.path}`]});
}

/** What a kernel of its own can do: the xt modules that kube-proxy's rules name, in the tables that they are in. */
const needed = [
  '*filter',
  ':PROBE - [0:0]',
  '-A PROBE -m conntrack --ctstate INVALID -j DROP',
  '-A PROBE -m addrtype --dst-type LOCAL -m sctp -p sctp --dport 1 -j REJECT',
  'COMMIT',
  '*nat',
  ':PROBE - [0:0]',
  '-A PROBE -m comment --comment "a b" -m statistic --mode random --probability 0.5 -j RETURN',
  '-A PROBE -m recent --name PROBE --rcheck --seconds 10 --reap -j RETURN',
  '-A PROBE -m mark ! --mark 0x4000/0x4000 -j MARK --xor-mark 0x4000',
  'COMMIT',
];

export async function canServe(netns: Netns, backend: Backend): Promise<boolean> {
  const iptables = iptablesIn(netns, 'IPv4', backend);
  try {
    await iptables.restore(needed);
    for (const table of ['filter', 'nat'])
      await iptables.restore([`*${table}`, ':PROBE - [0:0]', '-X PROBE', 'COMMIT']);
    return true;
  } catch {
    return false;
  }
}

const shared: ReadonlySet<string> = new Set(places);

/** Chains and rules as the kernel has them; rules of shared chains sorted, as their order means nothing. */
export async function listed(iptables: Iptables): Promise<Record<string, readonly string[]>> {
  const {chains, rules}: Observed = readSaved(await iptables.save());
  return Object.fromEntries(
    [...chains].sort().map((chain) => {
      const own = rules.get(chain) ?? [];
      return [chain, shared.has(chain) ? own.toSorted() : own];
    }),
  );
}

/** iptables-save without what changes by itself. */
export async function saved(netns: Netns, backend: Backend): Promise<string> {
  const texts = await Promise.all(
    (['IPv4', 'IPv6'] as const).map((family) => iptablesIn(netns, family, backend).save()),
  );
  return texts.join('\n').replace(/^#.*\n?/gm, '');
}
