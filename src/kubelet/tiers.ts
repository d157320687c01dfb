import {isEnabled} from '../config/kubelet/feature-gates.ts';
import type {KubeletConfig} from '../config/kubelet.ts';
import {type QosClass, qosClass} from '../config/pod/qos.ts';
import {cgroupExists} from '../edges/cgroups/cgroup-tree.ts';
import {type CgroupLimits, type Cgroups, openCgroups} from '../edges/cgroups/cgroups.ts';
import {systemdCgroups} from '../edges/cgroups/systemd-cgroups.ts';
import {readHostFacts} from '../edges/machine/host-facts.ts';
import {describeError, NodectlError} from '../lib/errors.ts';
import type {Pod} from '../lib/kubernetes.ts';
import type {Logger} from '../lib/log.ts';
import {quantityMilli, quantityValue} from '../lib/quantity.ts';
import type {Cancel, Clock} from '../lib/time.ts';
import {namedCgroupPath, tierCgroupPath} from './pod/config/resources/cgroup-names.ts';
import {podRequests} from './pod/config/resources/pod-resources.ts';
import {cpuShares, cpuWeight} from './pod/config/resources/resources.ts';
import {isTerminal} from './pod/status/phase.ts';
import type {Telemetry} from './stats/metrics/telemetry.ts';

export type TierOptions = {
  readonly config: KubeletConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pods: () => readonly Pod[];
  readonly telemetry?: Pick<Telemetry, 'cgroups'>;
  /** Tells the administrator, by an event of the Node. */
  readonly tell: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
};

export type Tier = {readonly path: string; readonly limits: CgroupLimits};

/** Kubernetes looks once a minute and at each new pod; a look that finds nothing new writes nothing. */
const everyMs = 5_000;

/** Keeps the cgroups above the pods: made before the first pod, weighed as pods come and go. */
export async function startTiers(options: TierOptions): Promise<{stop(): void}> {
  const {config, clock, log} = options;
  if (!config.cgroupsPerQOS) return {stop: () => undefined};
  const files = await openCgroups();
  const cgroups = config.cgroupDriver === 'systemd' ? systemdCgroups(files) : files;
  const {cpus, memoryBytes, pids} = await readHostFacts(config.rootDir);
  const machine = {cpus, memoryBytes, pids: pids.max, v2: cgroups.v2};
  await enforceReserved(config, cgroups, machine);
  const written = new Map<string, string>();
  const failed = new Map<string, string>();
  let cancel: Cancel = () => undefined;
  let stopped = false;
  const round = async () => {
    const pods = options.pods().filter(({status}) => !isTerminal(status?.phase));
    const wanted = tiers(config, machine, pods);
    count(wanted, options.telemetry);
    for (const tier of wanted) {
      const problem = await enforce(cgroups, tier, written);
      if (problem !== undefined && problem !== failed.get(tier.path)) {
        log.warn('a cgroup of the pods could not be set', {path: tier.path, error: problem});
        const message = `Failed to update Node Allocatable Limits ${JSON.stringify(tier.path)}: ${problem}`;
        options.tell('Warning', 'FailedNodeAllocatableEnforcement', message);
      }
      if (problem === undefined) failed.delete(tier.path);
      else failed.set(tier.path, problem);
    }
    if (!stopped) cancel = clock.after(everyMs, () => void round());
  };
  await round();
  if (failed.size === 0)
    options.tell('Normal', 'NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods');
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/** The cgroup of all pods keeps what both classes do. */
function count([all, burstable]: readonly Tier[], telemetry: TierOptions['telemetry']): void {
  const min = all?.limits.memoryMin;
  const low = burstable?.limits.memoryLow;
  if (min !== undefined && low !== undefined) telemetry?.cgroups.kept(min - low, low);
}

/** What keeps one from being set keeps no other: a limit below what is used is refused by cgroup v1. */
async function enforce(
  cgroups: Cgroups,
  {path, limits}: Tier,
  written: Map<string, string>,
): Promise<string | undefined> {
  const text = JSON.stringify(limits);
  if (written.get(path) === text) return undefined;
  try {
    await cgroups.ensure(path, limits);
  } catch (error) {
    return describeError(error);
  }
  written.set(path, text);
  return undefined;
}

/** @throws NodectlError ND721 */
async function enforceReserved(config: KubeletConfig, cgroups: Cgroups, machine: Machine): Promise<void> {
  for (const {path, limits} of reservedCgroups(config, machine)) {
    if (!(await cgroupExists(path)))
      throw new NodectlError('ND721', `the cgroup ${path} that enforceNodeAllocatable names does not exist`, {
        next: ['Make it before the kubelet starts, or take it out of enforceNodeAllocatable'],
      });
    await cgroups.ensure(path, limits);
  }
}

type Reservations = Pick<
  KubeletConfig,
  | 'cgroupDriver'
  | 'cgroupRoot'
  | 'kubeReserved'
  | 'systemReserved'
  | 'memoryReservationPolicy'
  | 'featureGates'
> & {
  readonly enforceNodeAllocatable: readonly string[];
};

type Machine = {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly pids: number;
  readonly v2: boolean;
};

/**
 * All pods together get what is not reserved (node_container_manager_linux.go; eviction thresholds stay usable), the
 * burstable ones weigh what they request together, those without requests the least (qos_container_manager_linux.go).
 */
export function tiers(config: Reservations, machine: Machine, pods: readonly Pod[]): Tier[] {
  const enforced = config.enforceNodeAllocatable.includes('pods');
  const left = (whole: number, name: 'cpu' | 'memory' | 'pid', of: typeof quantityValue): number =>
    enforced ? Math.max(0, whole - of(config.kubeReserved[name]) - of(config.systemReserved[name])) : whole;
  const requested = (qos: QosClass, name: 'cpu' | 'memory', of: typeof quantityValue): number =>
    pods
      .filter(({spec}) => qosClass(spec) === qos)
      .reduce((sum, {spec}) => sum + of(podRequests(spec, {overhead: true})[name]), 0);
  const kept = memoryKept(config, machine, (qos) => requested(qos, 'memory', quantityValue));
  const path = (qos: QosClass): string => tierCgroupPath(config.cgroupDriver, config.cgroupRoot, qos);
  return [
    {
      path: path('Guaranteed'),
      limits: {
        ...weight(left(machine.cpus * 1000, 'cpu', quantityMilli)),
        memoryBytes: left(machine.memoryBytes, 'memory', quantityValue),
        pids: left(machine.pids, 'pid', quantityValue),
        ...kept.all,
      },
    },
    {
      path: path('Burstable'),
      limits: {...weight(requested('Burstable', 'cpu', quantityMilli)), ...kept.burstable},
    },
    {path: path('BestEffort'), limits: weight(0)},
  ];
}

/** MemoryQoS: a parent must keep what its children keep (qos_container_manager_linux.go, setMemoryQoS). */
function memoryKept(config: Reservations, {v2}: Machine, requested: (qos: QosClass) => number) {
  if (!v2 || !isEnabled(config.featureGates, 'MemoryQoS')) return {};
  if (config.memoryReservationPolicy !== 'TieredReservation')
    return {all: {memoryMin: 0}, burstable: {memoryLow: 0}};
  const burstable = requested('Burstable');
  return {all: {memoryMin: requested('Guaranteed') + burstable}, burstable: {memoryLow: burstable}};
}

/**
 * Limits of what is not a pod, on cgroups that somebody else has made (enforceExistingCgroup); `-compressible` bounds
 * only what can be throttled.
 */
export function reservedCgroups(
  config: Reservations & Pick<KubeletConfig, 'kubeReservedCgroup' | 'systemReservedCgroup'>,
  {v2}: Pick<Machine, 'v2'>,
): Tier[] {
  const {enforceNodeAllocatable: modes, cgroupDriver, featureGates} = config;
  const reserved = [
    ['system-reserved', config.systemReservedCgroup, config.systemReserved],
    ['kube-reserved', config.kubeReservedCgroup, config.kubeReserved],
  ] as const;
  return reserved.flatMap(([mode, name, {cpu, memory, pid}]) => {
    const all = modes.includes(mode);
    if (!all && !modes.includes(`${mode}-compressible`)) return [];
    const memoryBytes = quantityValue(memory);
    const limits: CgroupLimits = {
      ...(cpu === undefined ? {} : weight(quantityMilli(cpu))),
      ...(all && memory !== undefined ? {memoryBytes} : {}),
      ...(all && memory !== undefined && v2 && isEnabled(featureGates, 'MemoryQoS')
        ? {memoryMin: memoryBytes}
        : {}),
      ...(all && pid !== undefined ? {pids: quantityValue(pid)} : {}),
    };
    return [{path: namedCgroupPath(cgroupDriver, name), limits}];
  });
}

function weight(milli: number): CgroupLimits {
  const shares = cpuShares(milli);
  return {cpuShares: shares, cpuWeight: cpuWeight(shares)};
}
