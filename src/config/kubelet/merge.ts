import {isRecord} from '../document.ts';
import {formatDuration} from '../machine/units.ts';
import {complete} from './defaults.ts';
import {kubeletConfiguration} from './schema.ts';
import type {ReadSource} from './source.ts';

/**
 * RFC 7386 as the kubelet's drop-ins use it: maps merge, what a drop-in says null of is the default again, everything
 * else is replaced by the later source. Drop-ins are merged over a configuration that has its defaults already
 * (cmd/kubelet/app, mergeKubeletConfigurations): defaults that depend on other fields do not follow what a drop-in says
 * of these, and its thresholds of eviction come beside the default ones.
 */
export function mergeSources(sources: readonly ReadSource[]): Record<string, unknown> {
  const dropIns = sources.filter(({dropIn}) => dropIn === true);
  const whole = sources
    .filter(({dropIn}) => dropIn !== true)
    .reduce<Record<string, unknown>>((merged, {value}) => merge(merged, value), {});
  if (dropIns.length === 0) return whole;
  return dropIns.reduce<Record<string, unknown>>(
    (merged, {value, nulls}) => merge(nulls.reduce(without, merged), value),
    {...whole, ...derived(whole)},
  );
}

function derived(whole: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const parsed = kubeletConfiguration.safeParse(whole);
  if (!parsed.success) return {};
  const {nodeStatusReportFrequency, serializeImagePulls, evictionHard} = complete(parsed.data);
  return {
    nodeStatusReportFrequency: formatDuration(nodeStatusReportFrequency),
    serializeImagePulls,
    evictionHard,
  };
}

function without(
  base: Readonly<Record<string, unknown>>,
  [first = '', ...rest]: readonly string[],
): Record<string, unknown> {
  const {[first]: inner, ...others} = base;
  if (rest.length === 0) return others;
  return isRecord(inner) ? {...base, [first]: without(inner, rest)} : {...base};
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
