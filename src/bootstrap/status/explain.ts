import {catalogue} from '../../checks/catalogue.ts';
import {nodeCatalogue} from '../../checks/node/catalogue.ts';
import {probeCatalogue} from '../../checks/probe/catalogue.ts';
import type {Code} from '../../lib/codes/catalogue.ts';

export type Seen = {readonly check: string; readonly category: string; readonly looks: string};

type Looking = {
  readonly name: string;
  readonly category: string;
  readonly codes?: readonly Code[];
  readonly looks?: string;
};

/** The checks that can find a code, and how each looks. */
export function seenBy(code: string): Seen[] {
  const all: readonly Looking[] = [...nodeCatalogue, ...probeCatalogue, ...catalogue];
  const found = all
    .filter(({codes = []}) => codes.some((one) => one === code))
    .map(({name, category, looks = ''}) => ({check: name, category, looks}));
  return [...new Map(found.map((one) => [one.check, one])).values()];
}
