import type {MessageInitShape} from '@bufbuild/protobuf';
import {qosClass} from '../../../../config/pod/qos.ts';
import type {
  LinuxContainerResources,
  LinuxContainerResourcesSchema,
} from '../../../../edges/cri/gen/api_pb.ts';
import type {Container, Pod} from '../../../../lib/kubernetes.ts';
import {formatBytes, quantityMilli, quantityValue} from '../../../../lib/quantity.ts';
import {type MemoryQos, memoryQosFiles, type Protection, protection, swapLimit} from './memory-rules.ts';
import {oomScoreAdj} from './oom-score.ts';
import {podLimits, podRequests, type ResourceList} from './pod-resources.ts';

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
  /** Swap of the node that pods may use; undefined: none. */
  readonly limitedSwapBytes?: number;
  readonly memoryQos?: MemoryQos;
};

/** A pod's own cgroup; undefined leaves a value as the kernel made it. */
export type PodCgroup = {
  readonly cpuShares: number;
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memoryBytes?: number;
  /** By the names of the kernel's files, every page size of the node. */
  readonly hugePages: Readonly<Record<string, number>>;
} & Protection;

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
  const files = facts.cgroupV2 ? unified(pod, container, facts) : {};
  return {
    ...linuxResources(requests?.cpu, limit('cpu', quantityMilli), memoryBytes, facts),
    oomScoreAdj: BigInt(oomScoreAdj(pod, container, facts.memoryCapacityBytes)),
    hugepageLimits: facts.hugePageSizes.map((size) => ({
      pageSize: hugePageUnit(size),
      limit: BigInt(
        quantityValue(limits?.[hugePageName(size)]) || quantityValue(podLimit?.[hugePageName(size)]),
      ),
    })),
    ...(Object.keys(files).length === 0 ? {} : {unified: files}),
    ...(facts.swapAccounting && !facts.cgroupV2 && memoryBytes > 0
      ? // No swap: the limit of memory and swap together is that of memory (kuberuntime, ConfigureNoSwap).
        {memorySwapLimitInBytes: BigInt(memoryBytes)}
      : {}),
  };
}

/** What the CRI has no fields for, by the files of cgroup v2. */
function unified(pod: Pod, container: Container, facts: ResourceFacts): Record<string, string> {
  return {
    ...oomGroup(facts),
    ...(facts.swapAccounting ? {'memory.swap.max': String(swapLimit(pod, container, facts))} : {}),
    ...(facts.memoryQos === undefined ? {} : memoryQosFiles(pod, container, facts.memoryQos)),
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
  const hugePages = hugePagesOf(requests, facts.hugePageSizes);
  if (qosClass(pod.spec) === 'BestEffort') return {cpuShares: minShares, hugePages};
  const shares = cpuShares(quantityMilli(requests.cpu));
  const memoryRequest = quantityValue(requests.memory);
  const period = facts.cpuCfsQuotaPeriodUs;
  const quota = facts.cpuCfsQuota ? cpuQuota(quantityMilli(limits.cpu), period) : -1;
  const memoryBytes = podMemoryBytes(pod);
  return {
    cpuShares: shares,
    ...(isDeclared(pod, 'cpu') ? {cpuQuota: quota, cpuPeriod: period} : {}),
    ...(memoryBytes === undefined ? {} : {memoryBytes}),
    ...(facts.memoryQos?.tiered === true && memoryRequest > 0 ? protection(pod, memoryRequest) : {}),
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

function oomGroup(facts: ResourceFacts): Record<string, string> {
  return facts.singleProcessOomKill ? {} : {'memory.oom.group': '1'};
}

/** The memory that all of a pod may use; undefined where not every container has a limit. */
export function podMemoryBytes(pod: Pod): number | undefined {
  if (!isDeclared(pod, 'memory')) return undefined;
  return quantityValue(podLimits(pod.spec, {overhead: true}).memory);
}

function isDeclared(pod: Pod, name: 'cpu' | 'memory'): boolean {
  const qos = qosClass(pod.spec);
  return qos === 'Guaranteed' || (qos === 'Burstable' && hasLimit(pod, name));
}

function hasLimit({spec}: Pod, name: 'cpu' | 'memory'): boolean {
  if (quantityMilli(spec.resources?.limits?.[name]) > 0) return true;
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  return containers.every((container) => quantityMilli(container.resources?.limits?.[name]) > 0);
}

/** A size that the pod does not request is not for it (cgroup_manager_linux.go, maybeSetHugetlb). */
function hugePagesOf(requests: ResourceList, sizes: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    sizes.map((size) => [hugePageUnit(size), quantityValue(requests[hugePageName(size)])]),
  );
}

function hugePageName(bytes: number): string {
  return `hugepages-${formatBytes(bytes)}`;
}

/** As the kernel names the files of the controller: 2MB, 1GB. */
function hugePageUnit(bytes: number): string {
  return formatBytes(bytes).replace(/i$/, 'B');
}
