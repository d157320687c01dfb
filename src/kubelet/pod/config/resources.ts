import type {MessageInitShape} from '@bufbuild/protobuf';
import type {LinuxContainerResources, LinuxContainerResourcesSchema} from '../../../edges/cri/gen/api_pb.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import {formatBytes, quantityMilli, quantityValue} from '../../../lib/quantity.ts';
import {oomScoreAdj} from './oom-score.ts';
import {podLimits, podRequests, type ResourceList} from './pod-resources.ts';
import {qosClass} from './qos.ts';

export type LinuxResources = Exclude<
  MessageInitShape<typeof LinuxContainerResourcesSchema>,
  LinuxContainerResources
>;

/** What of the node and its configuration decides about limits. */
export type ResourceFacts = {
  readonly memoryCapacityBytes: number;
  readonly cgroupV2: boolean;
  readonly cpuCfsQuota: boolean;
  readonly cpuCfsQuotaPeriodUs: number;
  /** False lets the kernel kill a whole container on OOM (cgroup v2's memory.oom.group). */
  readonly singleProcessOomKill: boolean;
  /** Page sizes of the kernel, in bytes. */
  readonly hugePageSizes: readonly number[];
  /** The memory controller accounts swap, so that no swap can be demanded. */
  readonly swapAccounting: boolean;
};

/** A pod's own cgroup; undefined leaves a value as the kernel made it. */
export type PodCgroup = {
  readonly cpuShares: number;
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memoryBytes?: number;
  readonly hugePages: Readonly<Record<string, number>>;
};

const minShares = 2;
const maxShares = 262_144;
const minQuotaUs = 1000;

/** cpu.shares of milli-CPUs: kernel bounds 2…262144 (cm/helpers_linux.go). */
export function cpuShares(milli: number): number {
  return Math.max(minShares, Math.min(maxShares, Math.floor((milli * 1024) / 1000)));
}

/** CFS quota of milli-CPUs in microseconds; 0 means that there is no limit. */
export function cpuQuota(milli: number, periodUs: number): number {
  return milli === 0 ? 0 : Math.max(minQuotaUs, Math.floor((milli * periodUs) / 1000));
}

/** cm/helpers_linux.go, SharesToMilliCPU. */
export function sharesToMilli(shares: number): number {
  return Math.ceil((shares * 1000) / 1024);
}

/** cm/helpers_linux.go, QuotaToMilliCPU. */
export function quotaToMilli(quota: number, period: number): number {
  return quota <= 0 || period <= 0 ? 0 : Math.trunc((quota * 1000) / period);
}

/** The weight that Kubernetes' kubelet writes for shares on cgroup v2 (cm/cgroup_manager_linux.go). */
export function cpuWeight(shares: number): number {
  return Math.floor(1 + ((shares - 2) * 9999) / 262_142);
}

/** Who has processors of its own needs no quota on them (DisableCPUQuotaWithExclusiveCPUs). */
export function quotaFacts(facts: ResourceFacts, exclusive: boolean): ResourceFacts {
  return exclusive ? {...facts, cpuCfsQuota: false} : facts;
}

export function containerResources(pod: Pod, container: Container, facts: ResourceFacts): LinuxResources {
  const {requests, limits} = container.resources ?? {};
  const podLimit = pod.spec.resources?.limits;
  const limit = (name: 'cpu' | 'memory', measure: typeof quantityValue): number =>
    measure(limits?.[name]) || measure(podLimit?.[name]);
  const memoryBytes = limit('memory', quantityValue);
  return {
    ...linuxResources(requests?.cpu, limit('cpu', quantityMilli), memoryBytes, facts),
    oomScoreAdj: BigInt(oomScoreAdj(pod, container, facts.memoryCapacityBytes)),
    hugepageLimits: facts.hugePageSizes.map((size) => ({
      pageSize: hugePageUnit(size),
      limit: BigInt(
        quantityValue(limits?.[hugePageName(size)]) || quantityValue(podLimit?.[hugePageName(size)]),
      ),
    })),
    ...noSwap(memoryBytes, facts),
  };
}

/** What the sandbox is told of the pod as a whole, its overhead apart. */
export function sandboxResources(
  pod: Pod,
  facts: ResourceFacts,
): {resources: LinuxResources; overhead: LinuxResources} {
  const requests = podRequests(pod.spec, {overhead: false});
  const limits = podLimits(pod.spec, {overhead: false});
  const {overhead} = pod.spec;
  return {
    resources: linuxResources(requests.cpu, quantityMilli(limits.cpu), quantityValue(limits.memory), facts),
    overhead:
      overhead === undefined
        ? {}
        : linuxResources(overhead.cpu, quantityMilli(overhead.cpu), quantityValue(overhead.memory), facts),
  };
}

/** The limits of the pod's cgroup: quota and memory only where every container has one (ResourceConfigForPod). */
export function podCgroup(pod: Pod, facts: ResourceFacts): PodCgroup {
  const requests = podRequests(pod.spec, {overhead: true});
  const limits = podLimits(pod.spec, {overhead: true});
  const qos = qosClass(pod.spec);
  const hugePages = hugePagesOf(requests);
  if (qos === 'BestEffort') return {cpuShares: minShares, hugePages};
  const shares = cpuShares(quantityMilli(requests.cpu));
  const period = facts.cpuCfsQuotaPeriodUs;
  const quota = facts.cpuCfsQuota ? cpuQuota(quantityMilli(limits.cpu), period) : -1;
  const declared = (name: 'cpu' | 'memory'): boolean => qos === 'Guaranteed' || hasLimit(pod, name);
  return {
    cpuShares: shares,
    ...(declared('cpu') ? {cpuQuota: quota, cpuPeriod: period} : {}),
    ...(declared('memory') ? {memoryBytes: quantityValue(limits.memory)} : {}),
    hugePages,
  };
}

function linuxResources(
  cpuRequest: string | undefined,
  cpuLimitMilli: number,
  memoryBytes: number,
  facts: ResourceFacts,
): LinuxResources {
  const period = facts.cpuCfsQuotaPeriodUs;
  const shares = cpuShares(cpuRequest === undefined ? cpuLimitMilli : quantityMilli(cpuRequest));
  return {
    cpuShares: BigInt(shares),
    ...(memoryBytes === 0 ? {} : {memoryLimitInBytes: BigInt(memoryBytes)}),
    ...(facts.cpuCfsQuota
      ? {cpuPeriod: BigInt(period), cpuQuota: BigInt(cpuQuota(cpuLimitMilli, period))}
      : {}),
    ...(facts.cgroupV2 && !facts.singleProcessOomKill ? {unified: {'memory.oom.group': '1'}} : {}),
  };
}

/** No container swaps: the limit of memory and swap together is that of memory (kuberuntime, ConfigureNoSwap). */
function noSwap(memoryBytes: number, facts: ResourceFacts): LinuxResources {
  if (!facts.swapAccounting) return {};
  if (facts.cgroupV2) return {unified: {...oomGroup(facts), 'memory.swap.max': '0'}};
  return memoryBytes === 0 ? {} : {memorySwapLimitInBytes: BigInt(memoryBytes)};
}

function oomGroup(facts: ResourceFacts): Record<string, string> {
  return facts.singleProcessOomKill ? {} : {'memory.oom.group': '1'};
}

function hasLimit({spec}: Pod, name: 'cpu' | 'memory'): boolean {
  if (quantityMilli(spec.resources?.limits?.[name]) > 0) return true;
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  return containers.every((container) => quantityMilli(container.resources?.limits?.[name]) > 0);
}

function hugePagesOf(requests: ResourceList): Record<string, number> {
  const entries = Object.entries(requests).filter(([name]) => name.startsWith('hugepages-'));
  return Object.fromEntries(
    entries.map(([name, amount]) => [
      hugePageUnit(quantityValue(name.slice('hugepages-'.length))),
      quantityValue(amount),
    ]),
  );
}

function hugePageName(bytes: number): string {
  return `hugepages-${formatBytes(bytes)}`;
}

/** As the kernel names the files of the controller: 2MB, 1GB. */
function hugePageUnit(bytes: number): string {
  return formatBytes(bytes).replace(/i$/, 'B');
}
