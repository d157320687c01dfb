import {dirname} from 'node:path';
import type {JournalStore} from '../../edges/logs/journal-store.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Entry} from '../apply/entries.ts';
import {type Damage, describeDamage, readEntry} from './read-entry.ts';

/**
 * What nodectl has changed on this machine, oldest first, each written (and synced) before the change itself. A
 * change that was noted but never made is harmless: undoing looks at what is there. One entry per thing: a second
 * change of the same file keeps the first pre-image, which is what the machine was before nodectl.
 */
export class Journal {
  readonly #store: JournalStore;
  readonly #entries = new Map<string, {number: number; entry: Entry}>();
  #next = 1;
  #torn: Damage | undefined;

  private constructor(store: JournalStore) {
    this.#store = store;
  }

  /**
   * A damaged end is no reason to stop: entries are synced before what they tell of is done, so a power loss that cut
   * the last one came before that change.
   * @throws NodectlError ND604 for an entry of a newer nodectl, ND610 for damage elsewhere than at the end
   */
  static async open(store: JournalStore): Promise<Journal> {
    const journal = new Journal(store);
    const damages: Damage[] = [];
    let last = '';
    for (const {name, text, fault} of (await store.read()).sort(byNumber)) {
      const reading = readEntry(name, text, fault);
      if (reading.kind === 'newer')
        throw new NodectlError('ND604', `a newer nodectl has written ${store.dir}/${name}`);
      const number = numberOf(name);
      if (reading.kind === 'entry')
        journal.#entries.set(keyOf(reading.entry), {number, entry: reading.entry});
      else damages.push(reading.damage);
      journal.#next = number + 1;
      last = name;
    }
    if (damages.at(-1)?.name === last) journal.#torn = damages.pop();
    if (damages.length > 0) throw damaged(store.dir, damages, journal.#entries.size);
    return journal;
  }

  /** The last entry, where it is damaged: nothing follows from it, and the next one takes it away. */
  get torn(): Damage | undefined {
    return this.#torn;
  }

  async forgetTorn(): Promise<void> {
    if (this.#torn === undefined) return;
    await this.#store.remove(this.#torn.name);
    this.#torn = undefined;
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
    await this.forgetTorn();
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

/** Each damaged entry by its name, and one command for all of them. */
function damaged(dir: string, damages: readonly Damage[], whole: number): NodectlError {
  const others = whole === 1 ? 'the other entry tells' : `the other ${whole} entries tell`;
  const rest = whole === 0 ? 'no entry of it can be read' : `what ${others} of can still be undone`;
  const told = damages.slice(0, shownDamages).map(describeDamage);
  const more = damages.length > shownDamages ? [`and ${damages.length - shownDamages} more`] : [];
  const files = damages.map(({name}) => `${dir}/${name.replace(/json$/, '*')}`).join(' ');
  const aside = '/root/nodectl-journal';
  return new NodectlError('ND610', [`the journal is damaged; ${rest}`, ...told, ...more].join('\n'), {
    next: [
      `sudo mkdir -p ${aside} && sudo mv ${files} ${aside}/`,
      'Then run the same command again. What these entries told of stays as it is; a .pre file is what a file was before.',
    ],
  });
}

const shownDamages = 5;

function byNumber(a: {readonly name: string}, b: {readonly name: string}): number {
  return numberOf(a.name) - numberOf(b.name);
}

function numberOf(name: string): number {
  return Number.parseInt(name, 10);
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
