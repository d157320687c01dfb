/**
 * Kubernetes signs its checkpoints with FNV-1a over Go's own dump of the value (checkpointmanager/checksum, spew's
 * `%#v`): the same words here, so that its kubelet and this one can take over each other's files.
 */
export function checksum(dump: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(dump)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A field with its Go type, and its value as dumped. */
export type GoField = readonly [name: string, type: string, value: string | number];

export function goStruct(...fields: readonly GoField[]): string {
  return `{${fields.map(([name, type, value]) => `${name}:(${type})${value}`).join(' ')}}`;
}

/** Keys in Go's order: numbers by value, strings by bytes. */
export function goMap(entries: Readonly<Record<string, string>>): string {
  const keys = Object.keys(entries).sort(byKey);
  return `map[${keys.map((key) => `${key}:${entries[key]}`).join(' ')}]`;
}

export function goList(items: readonly (string | number)[]): string {
  return `[${items.join(' ')}]`;
}

const isNumber = /^-?\d+$/;

function byKey(a: string, b: string): number {
  if (isNumber.test(a) && isNumber.test(b)) return Number(a) - Number(b);
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function mapValues<T, R>(
  record: Readonly<Record<string, T>>,
  change: (value: T) => R,
): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
