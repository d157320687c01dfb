import {qosClass} from '../../../../config/pod/qos.ts';
import type {Container, Pod} from '../../../../lib/kubernetes.ts';
import {quantityValue} from '../../../../lib/quantity.ts';
import {isCriticalPod} from './oom-score.ts';

/** The feature gate MemoryQoS on cgroup v2: the kernel keeps requests in memory and throttles before limits. */
export type MemoryQos = {
  readonly throttlingFactor: number;
  /** memoryReservationPolicy TieredReservation; otherwise nothing is kept. */
  readonly tiered: boolean;
  /** What pods of this node can have together, as last computed; 0 while that is not known. */
  readonly allocatableBytes: () => number;
};

export type SwapFacts = {
  readonly memoryCapacityBytes: number;
  /** Undefined: pods do not swap. */
  readonly limitedSwapBytes?: number;
  readonly cgroupV2?: boolean;
  readonly swapAccounting?: boolean;
};

export type Protection = {readonly memoryMin?: number; readonly memoryLow?: number};

/** The kernel rounds memory.high down to pages of this size. */
const pageBytes = 4096;

/**
 * LimitedSwap: only burstable pods swap, none that are critical, and no container without a request or whose request is
 * its limit (kuberuntime, GetContainerSwapBehavior).
 */
export function maySwap(pod: Pod, {resources = {}}: Container, facts: SwapFacts): boolean {
  const {limitedSwapBytes, cgroupV2 = true, swapAccounting = true} = facts;
  if (limitedSwapBytes === undefined || !cgroupV2 || !swapAccounting) return false;
  const isFixed = quantityValue(resources.requests?.memory) === quantityValue(resources.limits?.memory);
  return !isFixed && !isCriticalPod(pod) && qosClass(pod.spec) === 'Burstable';
}

/** A container may swap as much of the node's swap as it requests of its memory (calcSwapForBurstablePods). */
export function swapLimit(pod: Pod, container: Container, facts: SwapFacts): number {
  const {limitedSwapBytes = 0, memoryCapacityBytes} = facts;
  const request = quantityValue(container.resources?.requests?.memory);
  if (!maySwap(pod, container, facts)) return 0;
  if (request > memoryCapacityBytes || memoryCapacityBytes <= 0) return 0;
  return Math.trunc((request / memoryCapacityBytes) * limitedSwapBytes);
}

/** Guaranteed pods keep what they request whatever happens, burstable ones as long as others have enough. */
export function protection(pod: Pod, requestBytes: number): Protection {
  return qosClass(pod.spec) === 'Guaranteed' ? {memoryMin: requestBytes} : {memoryLow: requestBytes};
}

/** A container's values by their files (kuberuntime_container_linux.go; KEP 2570). */
export function memoryQosFiles(
  pod: Pod,
  {resources = {}}: Container,
  qos: MemoryQos,
): Record<string, string> {
  const request = quantityValue(resources.requests?.memory);
  const limit = quantityValue(resources.limits?.memory);
  const {memoryMin, memoryLow} =
    request > 0 && qos.tiered ? protection(pod, request) : {memoryMin: 0, memoryLow: 0};
  const high = request === limit ? 0 : throttledAt(request, limit || qos.allocatableBytes(), qos);
  return {
    ...(memoryMin === undefined ? {} : {'memory.min': String(memoryMin)}),
    ...(memoryLow === undefined ? {} : {'memory.low': String(memoryLow)}),
    ...(high > request ? {'memory.high': String(high)} : {}),
  };
}

function throttledAt(request: number, most: number, {throttlingFactor}: MemoryQos): number {
  if (most === 0) return 0;
  return Math.floor((request + (most - request) * throttlingFactor) / pageBytes) * pageBytes;
}
