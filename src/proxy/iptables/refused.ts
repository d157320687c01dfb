import {type Iptables, RestoreError} from '../../edges/nftables/iptables.ts';
import type {OwnRules} from './ledger.ts';
import {type Input, newChain, section} from './text.ts';

const probe = 'NODECTL-PROXY-PROBE';

/**
 * Whose rules the kernel refuses where it says no more than that it refuses a table: iptables-legacy hands tables over
 * as a whole, so that a match without its module (recent, sctp) is only found out with COMMIT. The rules of halves, of
 * quarters and so on are tried in a chain that no packet comes to. Undefined when it is nobody's alone.
 */
export async function refusedAtCommit(
  iptables: Pick<Iptables, 'restore'>,
  rules: ReadonlyMap<string, OwnRules>,
): Promise<string | undefined> {
  if (!(await accepts(iptables, []))) return undefined;
  return find(iptables, [...rules]);
}

type Owned = readonly (readonly [owner: string, rules: OwnRules])[];

async function find(iptables: Pick<Iptables, 'restore'>, owned: Owned): Promise<string | undefined> {
  const [first, ...others] = owned;
  if (first === undefined || (await accepts(iptables, owned))) return undefined;
  if (others.length === 0) return first[0];
  const half = owned.length >> 1;
  return (await find(iptables, owned.slice(0, half))) ?? find(iptables, owned.slice(half));
}

async function accepts(iptables: Pick<Iptables, 'restore'>, owned: Owned): Promise<boolean> {
  try {
    await iptables.restore(probeInput(owned));
    return true;
  } catch (error) {
    if (error instanceof RestoreError) return false;
    throw error;
  }
}

function probeInput(owned: Owned): Input {
  return (['filter', 'nat'] as const).flatMap((table) => [
    ...section(table, [
      newChain(probe),
      ...owned.flatMap(([, rules]) => rules[table]).map((rule) => `-A ${probe} ${withoutChains(rule)}`),
    ]),
    ...section(table, [newChain(probe), `-X ${probe}`]),
  ]);
}

/** Chains that a rule goes to may not be there. */
function withoutChains(rule: string): string {
  return rule.replace(/ -j KUBE-\S+/, ' -j RETURN');
}
