/** A cluster has so many names of nodes and namespaces, and forms of port lists; of more nothing is remembered. */
const most = 10_000;

/** What is equal is kept once: objects of a list are parsed one by one, each with strings and arrays of its own. */
export class Shared<T> {
  readonly #known = new Map<string, T>();

  /** The first one that had this text. */
  get(text: string, make: () => T): T {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const made = make();
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(text, made);
    return made;
  }
}

const names = new Shared<string>();

/** Of a node or a namespace. */
export function sharedName<T extends string | undefined>(name: T): T | string {
  return name === undefined ? name : names.get(name, () => name);
}

/** V8 keeps a template as a tree of its parts, which is larger than the text, also beside the text that is made of it for a map. */
export function flat(...parts: readonly (string | number)[]): string {
  return parts.join('');
}
