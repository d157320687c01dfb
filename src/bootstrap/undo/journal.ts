import {dirname} from 'node:path';
import type {JournalStore} from '../../edges/logs/journal-store.ts';
import {NodectlError} from '../../lib/errors.ts';
import {type Entry, parseEntry} from '../apply/entries.ts';

/**
 * What nodectl has changed on this machine, oldest first, each written (and synced) before the change itself. A
 * change that was noted but never made is harmless: undoing looks at what is there. One entry per thing: a second
 * change of the same file keeps the first pre-image, which is what the machine was before nodectl.
 */
export class Journal {
  readonly #store: JournalStore;
  readonly #entries = new Map<string, {number: number; entry: Entry}>();
  #next = 1;

  private constructor(store: JournalStore) {
    this.#store = store;
  }

  /** @throws NodectlError ND604 for an entry that cannot be read */
  static async open(store: JournalStore): Promise<Journal> {
    const journal = new Journal(store);
    for (const {name, text} of await store.read()) {
      const entry = parseEntry(text);
      const number = Number.parseInt(name, 10);
      if (entry === undefined || Number.isNaN(number))
        throw new NodectlError('ND604', `${store.dir}/${name} cannot be read`);
      journal.#entries.set(keyOf(entry), {number, entry});
      journal.#next = Math.max(journal.#next, number + 1);
    }
    return journal;
  }

  /** Oldest first. */
  get entries(): readonly Entry[] {
    return [...this.#entries.values()].sort((a, b) => a.number - b.number).map(({entry}) => entry);
  }

  /** Where files of ours are, or were about to be: what lies in trees of ours is not noted one by one. */
  get directories(): ReadonlySet<string> {
    const noted = this.entries.flatMap(({kind, target}) => (kind === 'file' ? [dirname(target)] : []));
    return new Set([...noted, this.#store.dir]);
  }

  get dir(): string {
    return this.#store.dir;
  }

  find(like: Pick<Entry, 'kind'> & {readonly target: string}): Entry | undefined {
    return this.#entries.get(`${like.kind} ${like.target}`)?.entry;
  }

  /** Notes a change before it is made. */
  async note(entry: Entry): Promise<void> {
    const known = this.#entries.get(keyOf(entry));
    const number = known?.number ?? this.#next++;
    const merged = known === undefined ? entry : again(known.entry, entry);
    if (known !== undefined && JSON.stringify(merged) === JSON.stringify(known.entry)) return;
    this.#entries.set(keyOf(entry), {number, entry: merged});
    await this.#store.write(fileName(number), `${JSON.stringify(merged)}\n`);
  }

  /** Saves what a file was; returns the name under which undo finds it. */
  async savePreImage(content: Uint8Array): Promise<string> {
    const name = `${String(this.#next).padStart(4, '0')}.pre`;
    await this.#store.write(name, content);
    return name;
  }

  preImage(name: string): Promise<Uint8Array> {
    return this.#store.readBytes(name);
  }

  /** A thing is as it was: its entry is done with. */
  async forget(entry: Entry): Promise<void> {
    const known = this.#entries.get(keyOf(entry));
    if (known === undefined) return;
    this.#entries.delete(keyOf(entry));
    await this.#store.remove(fileName(known.number));
    if (entry.kind === 'file' && entry.before.kind === 'file') await this.#store.remove(entry.before.saved);
  }

  /** Whether everything at this path goes away with a directory that is ours alone. */
  covers(path: string): boolean {
    for (const {entry} of this.#entries.values()) {
      if (entry.kind !== 'tree' || !path.startsWith(`${entry.target}/`)) continue;
      const first = path.slice(entry.target.length + 1).split('/')[0] ?? '';
      if (!entry.before.includes(first)) return true;
    }
    return false;
  }
}

function keyOf(entry: Entry): string {
  return `${entry.kind} ${entry.target}`;
}

function fileName(number: number): string {
  return `${String(number).padStart(4, '0')}.json`;
}

/** The first "before" stays; what nodectl wrote is added, so that undo knows all of its own versions. */
function again(known: Entry, next: Entry): Entry {
  if (known.kind === 'file' && next.kind === 'file')
    return {...known, after: [...new Set([...known.after, ...next.after])]};
  if (known.kind === 'packages' && next.kind === 'packages')
    return {...known, names: [...new Set([...known.names, ...next.names])]};
  return known;
}
