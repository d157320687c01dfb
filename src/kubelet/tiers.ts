import type {KubeletConfig} from '../config/kubelet.ts';
import {type CgroupLimits, type Cgroups, openCgroups} from '../edges/cgroups/cgroups.ts';
import {systemdCgroups} from '../edges/cgroups/systemd-cgroups.ts';
import {readHostFacts} from '../edges/machine/host-facts.ts';
import {describeError} from '../lib/errors.ts';
import type {Pod} from '../lib/kubernetes.ts';
import type {Logger} from '../lib/log.ts';
import {quantityMilli, quantityValue} from '../lib/quantity.ts';
import type {Cancel, Clock} from '../lib/time.ts';
import {tierCgroupPath} from './pod/config/cgroup-names.ts';
import {podRequests} from './pod/config/pod-resources.ts';
import {qosClass} from './pod/config/qos.ts';
import {cpuShares, cpuWeight} from './pod/config/resources.ts';
import {isTerminal} from './pod/status/phase.ts';

export type TierOptions = {
  readonly config: KubeletConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pods: () => readonly Pod[];
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
  const {cpus, memoryBytes} = await readHostFacts(config.rootDir);
  const written = new Map<string, string>();
  let cancel: Cancel = () => undefined;
  let stopped = false;
  const round = async () => {
    const pods = options.pods().filter(({status}) => !isTerminal(status?.phase));
    await enforce(cgroups, tiers(config, {cpus, memoryBytes}, pods), written).catch((error: unknown) =>
      log.warn('the cgroups of the QoS classes could not be set', {error: describeError(error)}),
    );
    if (!stopped) cancel = clock.after(everyMs, () => void round());
  };
  await round();
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}

async function enforce(
  cgroups: Cgroups,
  wanted: readonly Tier[],
  written: Map<string, string>,
): Promise<void> {
  for (const {path, limits} of wanted) {
    const text = JSON.stringify(limits);
    if (written.get(path) === text) continue;
    await cgroups.ensure(path, limits);
    written.set(path, text);
  }
}

type Reservations = Pick<KubeletConfig, 'cgroupDriver' | 'cgroupRoot' | 'kubeReserved' | 'systemReserved'> & {
  readonly enforceNodeAllocatable: readonly string[];
};

/**
 * All pods together get what is not reserved (node_container_manager_linux.go; eviction thresholds stay usable), the
 * burstable ones weigh what they request together, those without requests the least (qos_container_manager_linux.go).
 */
export function tiers(
  config: Reservations,
  machine: {readonly cpus: number; readonly memoryBytes: number},
  pods: readonly Pod[],
): Tier[] {
  const enforced = config.enforceNodeAllocatable.includes('pods');
  const left = (whole: number, name: 'cpu' | 'memory', of: typeof quantityValue): number =>
    enforced ? Math.max(0, whole - of(config.kubeReserved[name]) - of(config.systemReserved[name])) : whole;
  const burstable = pods
    .filter(({spec}) => qosClass(spec) === 'Burstable')
    .reduce((sum, {spec}) => sum + quantityMilli(podRequests(spec, {overhead: true}).cpu), 0);
  const path = (qos: Parameters<typeof tierCgroupPath>[2]): string =>
    tierCgroupPath(config.cgroupDriver, config.cgroupRoot, qos);
  return [
    {
      path: path('Guaranteed'),
      limits: {
        ...weight(left(machine.cpus * 1000, 'cpu', quantityMilli)),
        memoryBytes: left(machine.memoryBytes, 'memory', quantityValue),
      },
    },
    {path: path('Burstable'), limits: weight(burstable)},
    {path: path('BestEffort'), limits: weight(0)},
  ];
}

function weight(milli: number): CgroupLimits {
  const shares = cpuShares(milli);
  return {cpuShares: shares, cpuWeight: cpuWeight(shares)};
}
