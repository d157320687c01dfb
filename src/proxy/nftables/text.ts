import {type Chain, type Container, ipWord, type Operation, type Table} from '../table/table.ts';

/** nft takes any number of elements in a statement; this many keep a line readable and its parser's stack small. */
const elementsPerStatement = 500;

type Place = Pick<Table, 'family' | 'name'>;

/**
 * nft statements that replace the whole table in one transaction: whoever had it before, packets see the old rules or
 * the new ones and nothing in between.
 */
export function tableStatements(table: Table): string[] {
  return [...tablePortions(table, Number.POSITIVE_INFINITY)].flat();
}

/**
 * The same in transactions of about so many elements, for a table that is not there: nft needs 1.6 KB for each element
 * of a transaction. What belongs together is in one of them. Each is made when it is asked for: all of them are larger than
 * the table, which must not change meanwhile.
 */
export function* tablePortions(table: Table, elements: number): Iterable<string[]> {
  yield frame(table, [...table.chains()]);
  yield* elementPortions(place(table), table, elements);
}

/**
 * The same where there is one that serves, and is too large for one transaction: another table serves while its place is
 * empty. Each begins to with its hooks, that is with what leads packets to it.
 */
export function* replacingPortions(table: Table, elements: number): Iterable<string[]> {
  const other = standIn(table);
  yield* unhooked(other, elements);
  yield [...hooks(other), ...removed(table)];
  yield* unhooked(table, elements);
  yield [...hooks(table), ...removed(other)];
}

function standIn(table: Table): Table {
  return {
    ...standInPlace(table),
    containers: () => table.containers(),
    chains: () => table.chains(),
    elements: () => table.elements(),
  };
}

function standInPlace({family, name}: Place): Place {
  return {family, name: `${name}-other`};
}

function* unhooked(table: Table, elements: number): Iterable<string[]> {
  const inner = [...table.chains()].filter(({hook}) => hook === undefined);
  yield frame(table, inner);
  yield* elementPortions(place(table), table, elements);
}

function hooks(table: Table): string[] {
  return chainStatements(
    place(table),
    [...table.chains()].filter(({hook}) => hook !== undefined),
    [],
  );
}

/** A new table without its elements. */
function frame(table: Table, chains: readonly Chain[]): string[] {
  const at = place(table);
  return [...removed(table), `add table ${at}`, ...chainStatements(at, chains, [...table.containers()])];
}

function chainStatements(at: string, chains: readonly Chain[], containers: readonly Container[]): string[] {
  return [
    ...chains.map((chain) => addChain(at, chain)),
    ...containers.map((container) => addContainer(at, container)),
    ...chains.flatMap((chain) => addRules(at, chain)),
  ];
}

function* elementPortions(at: string, table: Table, most: number): Iterable<string[]> {
  let lists = new Map<string, string[]>();
  let count = 0;
  const statements = () =>
    [...lists].flatMap(([container, list]) => elementStatements(at, 'add', container, list));
  for (const together of table.elements()) {
    for (const {container, key, value} of together) push(lists, container, print([key, value]));
    count += together.length;
    if (count < most) continue;
    yield statements();
    lists = new Map();
    count = 0;
  }
  if (count > 0) yield statements();
}

/** Statements that remove the table, whether it exists or not. */
export function removalStatements(table: Place): string[] {
  return [...removed(table), ...removed(standInPlace(table))];
}

/** Of the table that stands in for it, as a proxy may have ended while it did. */
export function standInRemoval(table: Place): string[] {
  return removed(standInPlace(table));
}

function removed(table: Place): string[] {
  return [`add table ${place(table)}`, `delete table ${place(table)}`];
}

/**
 * Statements of a difference, in the order that the kernel needs: names before their uses, deletions before additions
 * of the same key. Chains that fell out of use are emptied here; `retire` says which, to be deleted later (kernels
 * before 6.2 hold a reference for a while after an element that named the chain is gone).
 */
export function differenceStatements(
  table: Place,
  operations: readonly Operation[],
): {readonly statements: string[]; readonly retire: string[]} {
  const at = place(table);
  const created: string[] = [];
  const filled: string[] = [];
  const emptied: string[] = [];
  const removed: string[] = [];
  const retire: string[] = [];
  const added = new Map<string, string[]>();
  const deleted = new Map<string, string[]>();
  for (const operation of operations)
    switch (operation.do) {
      case 'add-container':
        created.push(addContainer(at, operation.container));
        break;
      case 'add-chain':
        created.push(addChain(at, operation.chain));
        break;
      case 'fill-chain':
        filled.push(`flush chain ${at} ${operation.chain.name}`, ...addRules(at, operation.chain));
        break;
      case 'delete-chain':
        emptied.push(`flush chain ${at} ${operation.chain.name}`);
        retire.push(operation.chain.name);
        break;
      case 'delete-container':
        removed.push(`delete ${operation.container.kind} ${at} ${operation.container.name}`);
        break;
      case 'add-element':
        push(added, operation.container, print([operation.key, operation.value]));
        break;
      case 'delete-element':
        push(deleted, operation.container, operation.key);
        break;
    }
  const elements = (what: 'add' | 'delete', by: ReadonlyMap<string, readonly string[]>) =>
    [...by].flatMap(([container, list]) => elementStatements(at, what, container, list));
  return {
    statements: [
      ...created,
      ...filled,
      ...elements('delete', deleted),
      ...elements('add', added),
      ...emptied,
      ...removed,
    ],
    retire,
  };
}

/** Elements of sets that packets fill, in a table that was just written. */
export function clientStatements(
  table: Place,
  clients: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  return [...clients].flatMap(([set, elements]) => elementStatements(place(table), 'add', set, elements));
}

export function chainRemovals(table: Place, chains: readonly string[]): string[] {
  return chains.map((name) => `delete chain ${place(table)} ${name}`);
}

function place({family, name}: Place): string {
  return `${ipWord(family)} ${name}`;
}

function addChain(at: string, {name, hook}: Chain): string {
  return hook === undefined ? `add chain ${at} ${name}` : `add chain ${at} ${name} { ${hook}; }`;
}

function addContainer(at: string, {kind, name, declaration}: Container): string {
  return `add ${kind} ${at} ${name} { ${declaration.join('; ')}; }`;
}

function addRules(at: string, {name, rules}: Chain): string[] {
  return rules.map((rule) => `add rule ${at} ${name} ${rule}`);
}

function elementStatements(
  at: string,
  what: 'add' | 'delete',
  container: string,
  elements: readonly string[],
): string[] {
  const statements: string[] = [];
  for (let i = 0; i < elements.length; i += elementsPerStatement) {
    const some = elements.slice(i, i + elementsPerStatement).join(', ');
    statements.push(`${what} element ${at} ${container} { ${some} }`);
  }
  return statements;
}

function print([key, value]: readonly [string, string]): string {
  return value === '' ? key : `${key} : ${value}`;
}

function push(lists: Map<string, string[]>, key: string, item: string): void {
  const known = lists.get(key);
  if (known === undefined) lists.set(key, [item]);
  else known.push(item);
}
