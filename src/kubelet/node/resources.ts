import type {KubeletConfig} from '../../config/kubelet.ts';
import type {HostFacts} from '../../edges/machine/host-facts.ts';
import {formatBytes, formatMilli, quantityMilli, quantityValue} from '../../lib/quantity.ts';
import {isExtendedResource} from '../devices/names.ts';

export type Resources = Readonly<Record<string, string>>;

export type NodeResources = {readonly capacity: Resources; readonly allocatable: Resources};

/** Devices by their resource: those that there are, and those that can be given away. */
export type DeviceCounts = {
  readonly capacity: Readonly<Record<string, number>>;
  readonly allocatable: Readonly<Record<string, number>>;
  /** Nothing is known of an earlier kubelet's devices: this machine was set up anew. */
  readonly fresh?: boolean;
};

/** What of the configuration decides about resources. */
export type ReservationConfig = Pick<
  KubeletConfig,
  | 'maxPods'
  | 'podsPerCore'
  | 'kubeReserved'
  | 'systemReserved'
  | 'evictionHard'
  | 'localStorageCapacityIsolation'
>;

/**
 * Capacity of the machine, and allocatable = capacity − kubeReserved − systemReserved − hard eviction thresholds
 * (memory and ephemeral storage only); huge pages are taken off allocatable memory. What others put into
 * `known` (extended resources) stays, and is allocatable as it is.
 */
export function nodeResources(
  facts: HostFacts,
  config: ReservationConfig,
  known: Resources = {},
  devices: DeviceCounts = {capacity: {}, allocatable: {}},
): NodeResources {
  const pages = [...facts.hugePages];
  const memory = facts.memoryBytes;
  const reserved = (name: string, of: typeof quantityValue) =>
    of(config.kubeReserved[name]) + of(config.systemReserved[name]);
  const free = (total: number, ...taken: number[]) =>
    Math.max(
      0,
      taken.reduce((left, t) => left - t, total),
    );
  const hugePages = Object.fromEntries(
    pages.map(([size, bytes]) => [hugePageName(size), formatBytes(bytes)]),
  );
  const hugeTotal = pages.reduce((sum, [, bytes]) => sum + bytes, 0);
  const memoryEviction = threshold(config.evictionHard['memory.available'], memory);
  const diskEviction = threshold(config.evictionHard['nodefs.available'], facts.disk.totalBytes);
  const maxPods =
    config.podsPerCore > 0 ? Math.min(config.podsPerCore * facts.cpus, config.maxPods) : config.maxPods;
  const isolation = config.localStorageCapacityIsolation;
  const foreign = Object.fromEntries(Object.entries(known).filter(([name]) => !isOwn(name)));
  return {
    capacity: {
      ...foreign,
      ...texts(devices.capacity),
      cpu: String(facts.cpus),
      memory: formatBytes(memory),
      pods: String(maxPods),
      ...(isolation ? {'ephemeral-storage': formatBytes(facts.disk.totalBytes)} : {}),
      ...hugePages,
    },
    allocatable: {
      ...foreign,
      ...texts(devices.allocatable),
      cpu: formatMilli(free(facts.cpus * 1000, reserved('cpu', quantityMilli))),
      memory: formatBytes(free(memory, reserved('memory', quantityValue), memoryEviction, hugeTotal)),
      pods: String(maxPods),
      ...(isolation
        ? {
            'ephemeral-storage': formatBytes(
              free(facts.disk.totalBytes, reserved('ephemeral-storage', quantityValue), diskEviction),
            ),
          }
        : {}),
      ...hugePages,
    },
  };
}

/** What is set aside of more than there is: nothing would be left for pods (validateNodeAllocatable). */
export function excessReservations(
  {cpus, memoryBytes, disk}: Pick<HostFacts, 'cpus' | 'memoryBytes' | 'disk'>,
  {kubeReserved, systemReserved, evictionHard, localStorageCapacityIsolation}: ReservationConfig,
): string[] {
  const reserved = (name: string, of: typeof quantityValue) =>
    of(kubeReserved[name]) + of(systemReserved[name]);
  const evicted = (name: string, whole: number) => threshold(evictionHard[`${name}.available`], whole);
  const memory = reserved('memory', quantityValue) + evicted('memory', memoryBytes);
  const storage = reserved('ephemeral-storage', quantityValue) + evicted('nodefs', disk.totalBytes);
  const sums = [
    ['cpu', reserved('cpu', quantityMilli), cpus * 1000, formatMilli],
    ['memory', memory, memoryBytes, formatBytes],
    ['ephemeral-storage', localStorageCapacityIsolation ? storage : 0, disk.totalBytes, formatBytes],
  ] as const;
  return sums
    .filter(([, taken, whole]) => taken > whole)
    .map(([name, taken, whole, text]) => `${text(taken)} of ${text(whole)} ${name}`);
}

/**
 * What a Node of this name had before this machine was set up anew: its extended resources are none until their
 * plugins come, or pods would be sent here for devices that nobody has (reconcileExtendedResource).
 */
export function withoutExtended(known: Resources = {}): Resources {
  return Object.fromEntries(
    Object.entries(known).map(([name, amount]) => [name, isExtendedResource(name) ? '0' : amount]),
  );
}

function texts(counts: Readonly<Record<string, number>>): Resources {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]));
}

export function hugePageName(size: number): string {
  return `hugepages-${formatBytes(size)}`;
}

/** Resources that the machine tells; all others in a Node's capacity were put there by somebody else and stay. */
function isOwn(name: string): boolean {
  return ['cpu', 'memory', 'pods', 'ephemeral-storage'].includes(name) || name.startsWith('hugepages-');
}

/** Bytes of an eviction threshold: a quantity, or a percentage of the whole in Go's float32; 100 % turns it off. */
export function threshold(text: string | undefined, whole: number): number {
  if (text === undefined) return 0;
  if (!text.endsWith('%')) return quantityValue(text);
  const part = Math.fround(Math.fround(Number(text.slice(0, -1))) / 100);
  return part === 1 ? 0 : Math.floor(whole * part);
}
