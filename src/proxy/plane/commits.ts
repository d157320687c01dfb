import type {Family} from '../../lib/addresses.ts';
import {mapDigest} from '../../lib/text/map-digest.ts';
import type {ProxyHealth} from '../health/health.ts';

/** What one family's kernel table should hold, for who wants to compare (`nodectl status`). */
export type CommittedFamily = {
  /** `ip nodectl-proxy`; undefined where the rules are no such table. */
  readonly table: string | undefined;
  /** False while a commit is on its way, or after one that failed. */
  readonly known: boolean;
  /** How long the oldest change that is not committed has waited. */
  readonly pendingMs: number;
  /** Elements of the map `services`, and their digest: `key : value` each. */
  readonly services: number;
  readonly digest: string;
  /** Some of the keys, evenly spread. */
  readonly sample: readonly string[];
};

type Source = {
  readonly family: Family;
  readonly known: boolean;
  /** Grows with each commit. */
  readonly commits: number;
  readonly table: string;
  /** Keys to verdicts, as committed. */
  services(): ReadonlyMap<string, string> | undefined;
};

const sampleSize = 200;

/** Answers `/committed` of the metrics port; computed when somebody asks, and once per commit. */
export class Commits {
  readonly #health: ProxyHealth;
  readonly #sources = new Map<Family, Source>();
  readonly #kept = new Map<Family, {commits: number; source: Source; seen: Seen}>();

  constructor(health: ProxyHealth) {
    this.#health = health;
  }

  follow(source: Source): void {
    this.#sources.set(source.family, source);
  }

  /** Nothing is to be in the kernel now. */
  forget(): void {
    this.#sources.clear();
    this.#kept.clear();
  }

  document(): Readonly<Partial<Record<Family, CommittedFamily>>> {
    return Object.fromEntries(
      [...this.#sources.values()].map((source): [Family, CommittedFamily] => [
        source.family,
        {
          known: source.known,
          pendingMs: this.#health.pendingMs(source.family),
          ...this.#look(source),
        },
      ]),
    );
  }

  #look(source: Source): Seen {
    const kept = this.#kept.get(source.family);
    if (kept?.source === source && kept.commits === source.commits) return kept.seen;
    const seen = look(source);
    this.#kept.set(source.family, {commits: source.commits, source, seen});
    return seen;
  }
}

type Seen = Pick<CommittedFamily, 'table' | 'services' | 'digest' | 'sample'>;

function look(source: Source): Seen {
  const services = source.services();
  if (services === undefined) return {table: undefined, services: 0, digest: '', sample: []};
  const step = Math.max(1, Math.ceil(services.size / sampleSize));
  return {
    table: source.table,
    services: services.size,
    digest: mapDigest([...services].map(([key, value]) => `${key} : ${value}`)),
    sample: [...services.keys()].filter((_, at) => at % step === 0),
  };
}
