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

/** Objects that hold fields of their own; every other one is a map, which a flag replaces. */
const nested = ['authentication', 'x509', 'webhook', 'anonymous', 'authorization', 'logging', 'featureGates'];

/** A flag's value takes the place of its field's; only feature gates add up (cmd/kubelet, kubeletConfigFlagPrecedence). */
export function overlay(
  base: Readonly<Record<string, unknown>>,
  flags: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(flags)) {
    const before = result.get(key);
    const joins = nested.includes(key) && isRecord(before) && isRecord(value);
    result.set(key, joins ? overlay(before, value) : value);
  }
  return Object.fromEntries(result);
}
