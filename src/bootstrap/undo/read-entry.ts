import {type Entry, parseEntry} from '../apply/entries.ts';

/** A file of the journal that is not what was written: by a power loss, a failing disk or a hand. */
export type Damage = {
  readonly name: string;
  /** `is empty` */
  readonly how: string;
  /** `file /etc/fstab`, where that can still be read. */
  readonly told: string | undefined;
};

export type Reading =
  | {readonly kind: 'entry'; readonly entry: Entry}
  /** Whole, but with words that this nodectl does not know. */
  | {readonly kind: 'newer'}
  | {readonly kind: 'damaged'; readonly damage: Damage};

/** Tells an entry from what a newer nodectl wrote, and both from what nobody wrote. */
export function readEntry(name: string, text: string, fault?: string): Reading {
  if (fault !== undefined)
    return {kind: 'damaged', damage: {name, how: `cannot be read (${fault})`, told: undefined}};
  const entry = parseEntry(text);
  // What is no UTF-8 was read as U+FFFD: such a path is not the one that was written.
  const garbled = text.includes('\uFFFD');
  if (entry !== undefined && !garbled) return {kind: 'entry', entry};
  if (!garbled && looksWritten(text)) return {kind: 'newer'};
  return {kind: 'damaged', damage: {name, how: howDamaged(text), told: toldBy(text)}};
}

export function describeDamage({name, how, told}: Damage): string {
  return `${name} ${how}${told === undefined ? '' : `; it told of ${told}`}`;
}

function looksWritten(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';
  } catch {
    return false;
  }
}

function howDamaged(text: string): string {
  if (text === '') return 'is empty';
  const zero = text.indexOf('\0');
  if (zero === 0 && /^\0+$/.test(text)) return 'holds nothing but zero bytes';
  if (zero >= 0) return `has zero bytes from byte ${Buffer.byteLength(text.slice(0, zero))} on`;
  if (text.startsWith('{"kind":') && !text.trimEnd().endsWith('}'))
    return `ends in its middle, after ${Buffer.byteLength(text)} bytes`;
  return 'is not text that nodectl wrote';
}

/** Every entry begins with its kind and its target. */
function toldBy(text: string): string | undefined {
  const [, kind, target] = /^\{"kind":"([a-z-]+)","target":"((?:[^"\\\0]|\\.)*)"/.exec(text) ?? [];
  return kind === undefined || target === undefined ? undefined : `${kind} ${target}`;
}
