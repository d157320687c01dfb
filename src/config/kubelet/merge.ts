import {isRecord} from '../document.ts';
import type {ReadSource} from './source.ts';

/** RFC 7386 as the kubelet's drop-ins use it: maps merge, everything else is replaced by the later source. */
export function mergeSources(sources: readonly ReadSource[]): Record<string, unknown> {
  return sources.reduce<Record<string, unknown>>((merged, {value}) => merge(merged, value), {});
}

function merge(
  base: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const before = result.get(key);
    result.set(key, isRecord(before) && isRecord(value) ? merge(before, value) : value);
  }
  return Object.fromEntries(result);
}
