import {evictionSignals} from '../../config/kubelet/rules/eviction.ts';
import type {KubeletConfig} from '../../config/kubelet.ts';
import {parseDuration} from '../../config/machine/units.ts';
import {quantityValue} from '../../lib/quantity.ts';
import type {Observation, Observations, Signal} from './signals.ts';

/** An amount, or a part (0…1) of the capacity. */
export type ThresholdValue = {readonly quantity: number; readonly text: string} | {readonly part: number};

export type Threshold = {
  readonly signal: Signal;
  readonly value: ThresholdValue;
  /** 0: hard. A soft one drives evictions once it has been crossed for so long. */
  readonly graceMs: number;
  /** So much more than the threshold must be free before it is over. */
  readonly minReclaim?: ThresholdValue;
};

export type EvictionConfig = Pick<
  KubeletConfig,
  | 'evictionHard'
  | 'evictionSoft'
  | 'evictionSoftGracePeriod'
  | 'evictionMinimumReclaim'
  | 'enforceNodeAllocatable'
>;

/**
 * All thresholds: hard ones, soft ones, and memory.available once more for the cgroup of all pods where that is
 * enforced (ParseThresholdConfig). Thresholds of containerfs are made by `withContainerFs`.
 */
export function parseThresholds(config: EvictionConfig): Threshold[] {
  const reclaims = config.evictionMinimumReclaim;
  const parse = (statements: Readonly<Record<string, string>>, graceOf: (signal: string) => number) =>
    evictionSignals.flatMap((signal): Threshold[] => {
      const value = parseValue(statements[signal]);
      if (value === undefined) return [];
      const minReclaim = parseValue(reclaims[signal]);
      const graceMs = graceOf(signal);
      return [{signal, value, graceMs, ...(minReclaim === undefined ? {} : {minReclaim})}];
    });
  const hard = parse(config.evictionHard, () => 0);
  const soft = parse(
    config.evictionSoft,
    (signal) => parseDuration(config.evictionSoftGracePeriod[signal] ?? '') ?? 0,
  );
  const memory = hard.filter(({signal}) => signal === 'memory.available');
  const ofPods = config.enforceNodeAllocatable.includes('pods')
    ? memory.map((threshold) => ({...threshold, signal: 'allocatableMemory.available'}) as const)
    : [];
  return [...hard, ...soft, ...ofPods];
}

/** 0 % and 100 % mean that there is no threshold. */
function parseValue(text: string | undefined): ThresholdValue | undefined {
  if (text === undefined || text === '0%' || text === '100%') return undefined;
  if (text.endsWith('%')) return {part: Math.fround(Math.fround(Number(text.slice(0, -1))) / 100)};
  const quantity = quantityValue(text);
  return quantity > 0 ? {quantity, text} : undefined;
}

export function quantityOf(value: ThresholdValue, {capacity}: Pick<Observation, 'capacity'>): number {
  return 'quantity' in value ? value.quantity : Math.trunc(capacity * value.part);
}

/**
 * Writable layers lie with the images, or else on the node's file system: containerfs has the thresholds of where it
 * is, whatever the configuration says of it (UpdateContainerFsThresholds).
 */
export function withContainerFs(
  thresholds: readonly Threshold[],
  {dedicatedImages, splitContainers}: {readonly dedicatedImages: boolean; readonly splitContainers: boolean},
): Threshold[] {
  const from = dedicatedImages && !splitContainers ? 'imagefs' : 'nodefs';
  const own = thresholds.filter(({signal}) => !signal.startsWith('containerfs.'));
  const copies = own.flatMap((threshold): Threshold[] => {
    if (threshold.signal === `${from}.available`) return [{...threshold, signal: 'containerfs.available'}];
    if (threshold.signal === `${from}.inodesFree`) return [{...threshold, signal: 'containerfs.inodesFree'}];
    return [];
  });
  return [...own, ...copies];
}

/** Those that are crossed; `withReclaim`: those that are not over yet. */
export function thresholdsMet(
  thresholds: readonly Threshold[],
  observations: Observations,
  withReclaim: boolean,
): Threshold[] {
  return thresholds.filter(({signal, value, minReclaim}) => {
    const observed = observations.get(signal);
    if (observed === undefined) return false;
    const extra = withReclaim && minReclaim !== undefined ? quantityOf(minReclaim, observed) : 0;
    return observed.available < quantityOf(value, observed) + extra;
  });
}

export function thresholdKey({signal, value, graceMs}: Threshold): string {
  return `${signal} ${'quantity' in value ? value.quantity : `${value.part} of all`} ${graceMs}`;
}
