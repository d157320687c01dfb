import type {Operation} from '../table/table.ts';

/** FNV-1a. Sums of such hashes do not depend on the order, and follow a change without looking at the rest. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

export function elementText(key: string, value: string): string {
  return value === '' ? key : `${key} : ${value}`;
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
    this.#sums.set(container, (this.get(container) + sign * hashOf(elementText(key, value))) >>> 0);
  }
}
