import type {Container, Pod, PodStatus} from '../../lib/kubernetes.ts';
import {formatBytes, formatMilli, quantityMilli, quantityValue} from '../../lib/quantity.ts';
import {timestamp} from '../../lib/time.ts';
import {podLimits, podRequests, type ResourceList} from '../pod/config/resources/pod-resources.ts';
import {
  podCgroup,
  quotaToMilli,
  type ResourceFacts,
  sharesToMilli,
} from '../pod/config/resources/resources.ts';
import type {Condition} from '../pod/status/conditions.ts';
import type {RuntimeContainer} from '../pod/status/runtime-state.ts';
import {type Allocation, type Resources, withAllocation} from './allocation.ts';
import type {ResizeState} from './state.ts';

/** Below them the kernel knows no difference: the value that was asked for is told (cm.MinShares, MinMilliCPULimit). */
const minMilliRequest = 2;
const minMilliLimit = 10;

/** What a container really has, as the runtime tells it; what it does not tell is what it was told. */
export function containerResourcesStatus(
  container: Container,
  record: RuntimeContainer,
  actuated: Resources | undefined,
): Resources {
  const own = container.resources ?? {};
  if (record.state !== 'running') return own;
  const told = actuated ?? own;
  const {cpuRequestMilli, cpuLimitMilli, memoryLimitBytes} = record.resources ?? {};
  const {limits, requests} = own;
  const newLimits = {
    ...limits,
    ...cpu(limits?.cpu, cpuLimitMilli, told.limits?.cpu, minMilliLimit),
    ...memory(limits?.memory, memoryLimitBytes, told.limits?.memory),
  };
  const newRequests = {
    ...requests,
    ...cpu(requests?.cpu, cpuRequestMilli, told.requests?.cpu, minMilliRequest),
    ...memory(requests?.memory, undefined, told.requests?.memory),
  };
  return {
    ...own,
    ...(limits === undefined ? {} : {limits: newLimits}),
    ...(requests === undefined ? {} : {requests: newRequests}),
  };
}

function cpu(
  asked: string | undefined,
  actual: number | undefined,
  otherwise: string | undefined,
  least: number,
): Record<string, string> {
  if (actual === undefined) return otherwise === undefined ? {} : {cpu: otherwise};
  if (actual <= least && quantityMilli(asked) <= least) return {};
  return {cpu: quantityMilli(asked) === actual && asked !== undefined ? asked : formatMilli(actual)};
}

function memory(
  asked: string | undefined,
  actual: number | undefined,
  otherwise: string | undefined,
): Record<string, string> {
  if (actual === undefined) return otherwise === undefined ? {} : {memory: otherwise};
  return {memory: quantityValue(asked) === actual && asked !== undefined ? asked : formatBytes(actual)};
}

/** resources and allocatedResources of the pod as a whole (kubelet_pods.go, convertToAPIPodLevelResourcesStatus). */
export function podResourcesStatus(
  pod: Pod,
  actuated: Allocation | undefined,
  facts: ResourceFacts,
): Pick<PodStatus, 'resources' | 'allocatedResources'> {
  const requests = readable(podRequests(pod.spec, {overhead: false}));
  const whole = {
    ...pod.spec.resources,
    requests,
    limits: readable(podLimits(pod.spec, {overhead: false})),
  };
  const running = pod.status?.phase === 'Running';
  const resources = running ? actualOf(pod, withAllocation(pod, actuated), facts, requests.memory) : whole;
  // The API keeps no empty list (omitempty): told, it would be patched in vain for each pod without a request.
  const allocated = Object.keys(requests).length === 0 ? {} : {allocatedResources: requests};
  return {resources: tidy(resources), ...allocated};
}

/** Sums of bytes as people write them. */
function readable(list: ResourceList): Record<string, string> {
  return Object.fromEntries(
    Object.entries(list).map(([name, text]) => {
      const isBytes = name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-');
      // What has a unit is as it was asked for, also a fraction of a byte.
      return [name, isBytes && /^\d+$/.test(text) ? formatBytes(quantityValue(text)) : text];
    }),
  );
}

function actualOf(pod: Pod, told: Pod, facts: ResourceFacts, memoryRequest: string | undefined): Resources {
  const asked = pod.spec.resources;
  const {cpuShares, cpuQuota, cpuPeriod, memoryBytes} = podCgroup(told, facts);
  const request = cpu(asked?.requests?.cpu, sharesToMilli(cpuShares), undefined, minMilliRequest);
  const milli = cpuQuota === undefined || cpuPeriod === undefined ? 0 : quotaToMilli(cpuQuota, cpuPeriod);
  const limit = milli > 0 ? cpu(asked?.limits?.cpu, milli, undefined, minMilliLimit) : {};
  return {
    ...asked,
    requests: {
      ...(memoryRequest === undefined ? {} : {memory: memoryRequest}),
      ...asked?.requests,
      ...request,
    },
    limits: {
      ...asked?.limits,
      ...limit,
      ...(memoryBytes ? memory(asked?.limits?.memory, memoryBytes, undefined) : {}),
    },
  };
}

/** Without lists that are empty: on the wire they are not there. */
function tidy({requests, limits, ...rest}: Resources): Resources {
  const filled = (list: Resources['requests']) => list !== undefined && Object.keys(list).length > 0;
  return {
    ...rest,
    ...(filled(requests) ? {requests} : {}),
    ...(filled(limits) ? {limits} : {}),
  };
}

export function resizeConditionsOf({pending, progress}: ResizeState, nowMs: number): Condition[] {
  const make = (type: string, generation: number | undefined, sinceMs: number, words: object): Condition => ({
    type,
    status: 'True',
    ...words,
    lastTransitionTime: timestamp(sinceMs || nowMs),
    ...(generation === undefined ? {} : {observedGeneration: generation}),
  });
  return [
    ...(pending === undefined
      ? []
      : [
          make('PodResizePending', pending.generation, pending.sinceMs, {
            reason: pending.reason,
            message: pending.message,
          }),
        ]),
    ...(progress === undefined
      ? []
      : [
          make(
            'PodResizeInProgress',
            progress.generation,
            progress.sinceMs,
            progress.error === undefined ? {} : {reason: 'Error', message: progress.error},
          ),
        ]),
  ];
}
