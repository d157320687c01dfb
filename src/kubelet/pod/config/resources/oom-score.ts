import {qosClass} from '../../../../config/pod/qos.ts';
import type {Container, Pod} from '../../../../lib/kubernetes.ts';
import {quantityValue} from '../../../../lib/quantity.ts';
import {isSidecar} from './pod-resources.ts';

const guaranteed = -997;
const bestEffort = 1000;
/** pkg/apis/scheduling: system-node-critical and system-cluster-critical. */
const systemCriticalPriority = 2_000_000_000;

/** How soon the kernel may kill a container when memory runs out (pkg/kubelet/qos/policy.go). */
export function oomScoreAdj(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if (isNodeCritical(pod)) return guaranteed;
  const qos = qosClass(pod.spec);
  if (qos === 'Guaranteed') return guaranteed;
  if (qos === 'BestEffort') return bestEffort;
  const score = (bytes: number): number => 1000 - Math.floor((1000 * bytes) / memoryCapacityBytes);
  const share = unallottedShare(pod);
  let adjust = score(memoryRequest(container) + share);
  // A sidecar must not die before what it serves.
  if (isSidecar(container) && pod.spec.initContainers?.some(({name}) => name === container.name))
    adjust = Math.min(adjust, score(Math.min(...pod.spec.containers.map(memoryRequest)) + share));
  return Math.max(1000 + guaranteed, Math.min(adjust, bestEffort - 1));
}

export function isNodeCritical(pod: Pod): boolean {
  return isCriticalPod(pod) && pod.spec.priorityClassName === 'system-node-critical';
}

/** Static pods, their mirrors, and what has a system priority (pkg/kubelet/types, IsCriticalPod). */
export function isCriticalPod({metadata, spec}: Pod): boolean {
  const source = metadata.annotations?.['kubernetes.io/config.source'];
  const isStatic = source !== undefined && source !== 'api';
  const isMirror = metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  return isStatic || isMirror || (spec.priority ?? 0) >= systemCriticalPriority;
}

/** Memory that a pod asks for beyond its containers, in equal parts for each. */
function unallottedShare({spec}: Pod): number {
  if (spec.resources?.requests === undefined) return 0;
  const containers = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
  const used = containers.reduce((sum, container) => sum + memoryRequest(container), 0);
  return Math.max(0, Math.floor((quantityValue(spec.resources.requests.memory) - used) / containers.length));
}

function memoryRequest(container: Container): number {
  return quantityValue(container.resources?.requests?.memory);
}
