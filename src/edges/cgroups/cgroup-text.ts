import type {CgroupSample} from './cgroup-sample.ts';

export type Numbers = Readonly<Record<string, number>>;

/** Lines of a name and a number, as most statistics of a cgroup are written. */
export function parseFlat(text = ''): Numbers {
  const values: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf(' ');
    if (at > 0) values[line.slice(0, at)] = Number(line.slice(at + 1));
  }
  return values;
}

/** Numbers between white space; what is none (`max`) is left out. */
export function parseNumbers(text = ''): number[] {
  return text
    .split(/\s+/)
    .filter((word) => /^-?\d+$/.test(word))
    .map(Number);
}

/** What v1 writes for no limit: the largest multiple of a page below 2^63. */
const unlimited = 2 ** 62;

export function number(text: string | undefined): number | undefined {
  return parseNumbers(text)[0];
}

export function bounded(text: string | undefined): number | undefined {
  const value = number(text);
  return value === undefined || value > unlimited ? undefined : value;
}

/** Leaves out what is not known. */
export function defined<T extends object>(values: T): {[Key in keyof T]?: Exclude<T[Key], undefined>} {
  const kept: {[Key in keyof T]?: Exclude<T[Key], undefined>} = {};
  for (const key in values) {
    const value = values[key];
    if (isDefined(value)) kept[key] = value;
  }
  return kept;
}

function isDefined<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined;
}

/** Tasks in a cgroup and how many it may have; `max` is no limit. */
export function pidsOf(current: string | undefined, limit: string | undefined): CgroupSample['pids'] {
  const now = number(current);
  return now === undefined ? undefined : {current: now, ...defined({limit: number(limit)})};
}
