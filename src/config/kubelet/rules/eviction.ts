import {parseQuantity} from '../../../lib/quantity.ts';
import {parseDuration} from '../../machine/units.ts';
import type {KubeletConfiguration} from '../defaults.ts';
import {rule} from './rule.ts';

/** What may run short on a node (pkg/kubelet/eviction/api). */
export const evictionSignals = [
  'memory.available',
  'allocatableMemory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'containerfs.available',
  'containerfs.inodesFree',
  'pid.available',
] as const;
const signals: readonly string[] = evictionSignals;

/** What eviction can be told (pkg/kubelet/eviction/helpers.go, ParseThresholdConfig). */
export function evictionProblems(c: KubeletConfiguration): string[] {
  return [
    ...statements('evictionHard', c.evictionHard, isThreshold),
    ...statements('evictionSoft', c.evictionSoft, isThreshold),
    ...statements('evictionMinimumReclaim', c.evictionMinimumReclaim, isReclaim),
    ...statements('evictionSoftGracePeriod', c.evictionSoftGracePeriod, isGrace),
    // 0 % and 100 % are no thresholds, so they need nothing.
    ...Object.entries(c.evictionSoft).flatMap(([signal, amount]) =>
      rule(
        isNone(amount) || c.evictionSoftGracePeriod[signal] !== undefined,
        `evictionSoftGracePeriod.${signal}: needed by evictionSoft`,
      ),
    ),
  ];
}

function statements(
  field: string,
  given: Readonly<Record<string, string>>,
  is: (amount: string) => boolean,
): string[] {
  return Object.entries(given).flatMap(([signal, amount]) => [
    ...rule(signals.includes(signal), `${field}.${signal}: unknown eviction signal`),
    ...rule(is(amount), `${field}.${signal}: ${amount} cannot be used here`),
  ]);
}

function isNone(amount: string): boolean {
  return amount === '0%' || amount === '100%';
}

function isThreshold(amount: string): boolean {
  const part = percentage(amount);
  if (part !== undefined) return part >= 0 && part <= 100;
  return (parseQuantity(amount) ?? 0n) > 0n;
}

/** How much more must be free may be nothing in bytes, but not in parts. */
function isReclaim(amount: string): boolean {
  const part = percentage(amount);
  if (part !== undefined) return part > 0;
  return (parseQuantity(amount) ?? -1n) >= 0n;
}

function isGrace(text: string): boolean {
  return (parseDuration(text) ?? -1) >= 0;
}

function percentage(amount: string): number | undefined {
  const found = /^(\d+\.?\d*|\.\d+)%$/.exec(amount);
  return found === null ? undefined : Number(found[1]);
}
