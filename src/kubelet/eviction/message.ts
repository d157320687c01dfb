import type {Pod} from '../../lib/kubernetes.ts';
import {formatBytes, quantityValue} from '../../lib/quantity.ts';
import type {ContainerStats, PodStats} from '../stats/types.ts';
import {formatCount} from './quantity-text.ts';
import {type Observations, resourceOf, type StarvedResource} from './signals.ts';
import {quantityOf, type Threshold} from './thresholds.ts';
import {memoryOf, memoryOfContainer} from './usage.ts';

export type EvictionWords = {
  readonly message: string;
  /** Of the event: who is to blame. */
  readonly annotations: Readonly<Record<string, string>>;
};

/** Why a pod goes (helpers.go, evictionMessage); also the pod's status.message. */
export function evictionWords(
  resource: StarvedResource,
  pod: Pod,
  stats: PodStats | undefined,
  thresholds: readonly Threshold[],
  observations: Observations,
): EvictionWords {
  const head = `The node was low on resource: ${resource}. ${crossing(resource, thresholds, observations)}`;
  if (stats === undefined) return {message: head, annotations: {}};
  const whole = podBlame(resource, pod, stats);
  const blamed = stats.containers.flatMap((container) => {
    const found = blame(resource, pod, container);
    return found === undefined ? [] : [{name: container.name, ...found}];
  });
  const words = blamed.map(
    ({name, usage, request}) =>
      `Container ${name} was using ${usage}, request is ${request}, has larger consumption of ${resource}. `,
  );
  return {
    message: [head, whole.message, ...words].join(''),
    annotations: {
      ...whole.annotations,
      offending_containers: blamed.map(({name}) => name).join(','),
      offending_containers_usage: blamed.map(({usage}) => usage).join(','),
      starved_resource: resource,
    },
  };
}

function crossing(
  resource: StarvedResource,
  thresholds: readonly Threshold[],
  observations: Observations,
): string {
  for (const {signal, value} of thresholds) {
    const observed = observations.get(signal);
    if (resourceOf(signal) !== resource || observed === undefined) continue;
    const format = resource === 'memory' || resource === 'ephemeral-storage' ? formatBytes : formatCount;
    const quantity = 'text' in value ? value.text : format(quantityOf(value, observed));
    return `Threshold quantity: ${quantity}, available: ${format(observed.available)}. `;
  }
  return '';
}

function podBlame(resource: StarvedResource, {metadata, spec}: Pod, stats: PodStats): EvictionWords {
  const request = resource === 'memory' ? spec.resources?.requests?.memory : undefined;
  if (request === undefined) return {message: '', annotations: {}};
  const usage = formatBytes(memoryOf(stats));
  const {name} = metadata;
  return {
    message: `Pod ${name} was using ${usage}, request is ${request}, has larger consumption of ${resource}. `,
    annotations: {offending_pod: name, offending_pod_usage: usage},
  };
}

/** Ephemeral containers have no requests, so they would always be to blame: they are left out. */
function blame(resource: StarvedResource, {spec}: Pod, stats: ContainerStats) {
  const container = [...spec.containers, ...(spec.initContainers ?? [])].find(
    ({name}) => name === stats.name,
  );
  const usage = container === undefined ? undefined : usageOf(resource, stats);
  if (usage === undefined) return undefined;
  const request = container?.resources?.requests?.[resource] ?? '0';
  return usage > quantityValue(request) ? {usage: formatBytes(usage), request} : undefined;
}

function usageOf(resource: StarvedResource, stats: ContainerStats): number | undefined {
  if (resource === 'memory') return memoryOfContainer(stats);
  if (resource !== 'ephemeral-storage' || stats.rootfs === undefined || stats.logs === undefined)
    return undefined;
  return stats.rootfs.usedBytes + stats.logs.usedBytes;
}
