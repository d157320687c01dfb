import type {Chain, Container, Operation} from '../../../../src/proxy/table/table.ts';
import type {Rendered} from './tables.ts';

/** A table that operations are applied to as the kernel would: what the kernel refuses throws here. */
export class AppliedTable {
  readonly containers = new Map<string, Container>();
  readonly chains = new Map<string, Chain>();
  readonly elements = new Map<string, Map<string, string>>();

  apply(operations: readonly Operation[]): void {
    const by = <D extends Operation['do']>(what: D) =>
      operations.filter((o): o is Extract<Operation, {do: D}> => o.do === what);
    for (const {container} of by('add-container')) this.containers.set(container.name, container);
    for (const {chain} of by('add-chain')) this.chains.set(chain.name, {...chain, rules: []});
    for (const {chain} of by('fill-chain')) {
      if (!this.chains.has(chain.name)) throw new Error(`no chain ${chain.name}`);
      this.chains.set(chain.name, chain);
    }
    for (const {container, key} of by('delete-element'))
      if (!this.elements.get(container)?.delete(key)) throw new Error(`no element ${container} ${key}`);
    for (const {container, key, value} of by('add-element')) {
      if (!this.containers.has(container)) throw new Error(`no container ${container}`);
      const known = this.elements.get(container) ?? new Map<string, string>();
      if (known.has(key)) throw new Error(`element exists: ${container} ${key}`);
      this.elements.set(container, known.set(key, value));
    }
    for (const {chain} of by('delete-chain')) this.chains.delete(chain.name);
    for (const {container} of by('delete-container')) this.containers.delete(container.name);
  }

  /** Every goto and set that a rule or an element names exists. */
  check(): void {
    const rules = [...this.chains.values()].flatMap((chain) => chain.rules);
    const values = [...this.elements.values()].flatMap((map) => [...map.values()]);
    for (const text of [...rules, ...values]) {
      for (const [, target = ''] of text.matchAll(/(?:goto|jump) (\S+?)(?=[,\s]|$)/g))
        if (!this.chains.has(target)) throw new Error(`${text}: no chain ${target}`);
      for (const [, name = ''] of text.matchAll(/@(\S+)/g))
        if (!this.containers.has(name)) throw new Error(`${text}: no set ${name}`);
    }
  }

  dump() {
    return dump(this);
  }
}

export function dump(table: Pick<Rendered, 'containers' | 'chains' | 'elements'>) {
  const sorted = <T>(map: ReadonlyMap<string, T>): [string, T][] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    containers: sorted(table.containers),
    chains: sorted(table.chains),
    elements: sorted(table.elements)
      .map(([name, map]): [string, [string, string][]] => [name, sorted(map)])
      .filter(([, list]) => list.length > 0),
  };
}
