import type {Operation} from '../table/table.ts';

const offset = 0x811c9dc5;

/** FNV-1a. Sums of such hashes do not depend on the order, and follow a change without looking at the rest. */
export function hashOf(text: string): number {
  return continued(offset, text) >>> 0;
}

/** Of `key : value` as nft prints it, without making that text. */
function hashOfElement(key: string, value: string): number {
  const hash = continued(offset, key);
  return (value === '' ? hash : continued(continued(hash, ' : '), value)) >>> 0;
}

function continued(from: number, text: string): number {
  let hash = from;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

/** What the elements of each set and map add up to, as they are wanted. */
export class Fingerprint {
  readonly #sums: Map<string, number>;
  /** Of all sets and maps. */
  elements = 0;

  constructor(sums: ReadonlyMap<string, number> = new Map()) {
    this.#sums = new Map(sums);
  }

  /** As it is now. */
  copy(): Fingerprint {
    return new Fingerprint(this.#sums);
  }

  follow(operations: readonly Operation[]): void {
    for (const operation of operations)
      if (operation.do === 'add-element') this.#add(operation, 1);
      else if (operation.do === 'delete-element') this.#add(operation, -1);
  }

  get(container: string): number {
    return this.#sums.get(container) ?? 0;
  }

  get containers(): Iterable<string> {
    return this.#sums.keys();
  }

  #add({container, key, value}: {container: string; key: string; value: string}, sign: 1 | -1): void {
    this.elements += sign;
    this.#sums.set(container, (this.get(container) + sign * hashOfElement(key, value)) >>> 0);
  }
}
