import {isEnabled} from '../config/kubelet/feature-gates.ts';
import type {KubeletConfig} from '../config/kubelet.ts';
import {ownCgroup} from '../edges/cgroups/own-cgroup.ts';
import {exists, listDirectory, readText} from '../edges/files/files.ts';
import {readHostFacts} from '../edges/machine/host-facts.ts';
import {quantityValue} from '../lib/quantity.ts';
import {tierCgroupPath} from './pod/config/resources/cgroup-names.ts';
import type {NodeFacts} from './pod/deps.ts';

/** What of the machine decides how pods are made; read once. */
export async function readNodeFacts(
  config: KubeletConfig,
  cgroupV2: boolean,
  live: Pick<NodeFacts, 'hostIps' | 'allocatable'>,
): Promise<NodeFacts> {
  const host = await readHostFacts(config.rootDir);
  return {
    ...live,
    resources: {
      memoryCapacityBytes: host.memoryBytes,
      cgroupV2,
      cpuCfsQuota: config.cpuCFSQuota,
      cpuCfsQuotaPeriodUs: config.cpuCFSQuotaPeriod * 1000,
      singleProcessOomKill: config.singleProcessOOMKill ?? !cgroupV2,
      hugePageSizes: [...host.hugePages.keys()],
      swapAccounting: await accountsSwap(config, cgroupV2),
      ...(config.memorySwap.swapBehavior === 'LimitedSwap' ? {limitedSwapBytes: host.swapBytes} : {}),
      ...(cgroupV2 && isEnabled(config.featureGates, 'MemoryQoS')
        ? {
            memoryQos: {
              throttlingFactor: config.memoryThrottlingFactor,
              tiered: config.memoryReservationPolicy === 'TieredReservation',
              allocatableBytes: () => quantityValue(live.allocatable().memory),
            },
          }
        : {}),
    },
    security: {
      seccompRoot: `${config.rootDir}/seccomp`,
      seccompDefault: config.seccompDefault,
      maskedPaths: await thermalPaths(),
    },
    appArmor: await hasAppArmor(),
  };
}

/** cgroup v2 tells it nowhere at its root: the pods' cgroup does, or our own (kuberuntime, checkSwapControllerAvailability). */
async function accountsSwap(config: KubeletConfig, cgroupV2: boolean): Promise<boolean> {
  if (!cgroupV2) return exists('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes');
  const pods = tierCgroupPath(config.cgroupDriver, config.cgroupRoot, 'Guaranteed');
  const there = await Promise.all(
    [pods, (await ownCgroup()) ?? pods].map((path) => exists(`/sys/fs/cgroup${path}/memory.swap.max`)),
  );
  return there.includes(true);
}

/** As runc finds out (libcontainer/apparmor). */
async function hasAppArmor(): Promise<boolean> {
  const enabled = await readText('/sys/module/apparmor/parameters/enabled');
  return enabled?.startsWith('Y') === true && (await exists('/sys/kernel/security/apparmor'));
}

/** Kubernetes masks these too, where they exist: they tell about the machine's other tenants. */
async function thermalPaths(): Promise<string[]> {
  const cpus = (await listDirectory('/sys/devices/system/cpu')).filter((name) => /^cpu\d+$/.test(name));
  const paths = cpus.map((cpu) => `/sys/devices/system/cpu/${cpu}/thermal_throttle`);
  const there = await Promise.all(paths.map(exists));
  return paths.filter((_, at) => there[at]);
}
