import {places} from '../../../../../src/proxy/iptables/names.ts';
import type {FakeIptables} from './fake-iptables.ts';

/** Every chain and rule; rules of shared chains sorted but for the last ones, as their order means nothing. */
export function listing(iptables: Pick<FakeIptables, 'tables'>): Record<string, readonly string[]> {
  const shared: ReadonlySet<string> = new Set(places);
  const all = [...iptables.tables].flatMap(([table, chains]) =>
    [...chains].map(([name, rules]): [string, readonly string[]] => {
      const place = `${table} ${name}`;
      return [place, shared.has(place) ? order(rules) : rules];
    }),
  );
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function order(rules: readonly string[]): readonly string[] {
  const isLast = (rule: string) => rule.includes('this must be the last rule');
  const first = rules.findIndex(isLast);
  const head = first < 0 ? rules : rules.slice(0, first);
  const tail = first < 0 ? [] : rules.slice(first);
  if (!tail.every(isLast)) throw new Error('a rule after the last ones');
  return [...head.toSorted(), ...tail];
}
