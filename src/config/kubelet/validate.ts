import {parseQuantity} from '../../lib/quantity.ts';
import {sysctlNamespace} from '../../lib/sysctls.ts';
import {parseDuration} from '../machine/units.ts';
import type {KubeletConfiguration} from './defaults.ts';
import {managerProblems} from './managers.ts';
import {cipherSuites} from './tls.ts';

/** Rules between fields (pkg/kubelet/apis/config/validation); each broken one is one line that names the field. */
export function validate(c: KubeletConfiguration): string[] {
  return [
    ...limits(c),
    ...images(c),
    ...shutdown(c),
    ...allocatable(c),
    ...eviction(c),
    ...tls(c),
    ...managerProblems(c),
  ];
}

function rule(holds: boolean, complaint: string): string[] {
  return holds ? [] : [complaint];
}

function limits(c: KubeletConfiguration): string[] {
  const {maxContainerRestartPeriod: restart} = c.crashLoopBackOff;
  return [
    ...rule(
      c.cpuCFSQuotaPeriod >= 1 && c.cpuCFSQuotaPeriod <= 1000,
      'cpuCFSQuotaPeriod: must be between 1ms and 1s',
    ),
    ...rule(
      restart === undefined || (restart >= 1000 && restart <= 300_000),
      'crashLoopBackOff.maxContainerRestartPeriod: must be between 1s and 300s',
    ),
    ...rule(c.containerLogMonitorInterval >= 3000, 'containerLogMonitorInterval: must be 3s or more'),
    ...rule(
      /^\d/.test(c.containerLogMaxSize) && parseQuantity(c.containerLogMaxSize) !== undefined,
      'containerLogMaxSize: is not a quantity such as 10Mi',
    ),
    ...c.allowedUnsafeSysctls
      .filter((pattern) => sysctlNamespace(pattern) === undefined)
      .map((pattern) => `allowedUnsafeSysctls: ${pattern} is not known to be namespaced`),
    ...rule(
      c.memoryThrottlingFactor > 0 && c.memoryThrottlingFactor <= 1,
      'memoryThrottlingFactor: must be in (0, 1]',
    ),
    ...rule(
      c.userNamespaces.idsPerPod >= 65_536 && c.userNamespaces.idsPerPod % 65_536 === 0,
      'userNamespaces.idsPerPod: must be a multiple of 65536',
    ),
    ...rule(
      c.cgroupsPerQOS || c.enforceNodeAllocatable.every((e) => e === 'none'),
      'enforceNodeAllocatable: needs cgroupsPerQOS',
    ),
  ];
}

function images(c: KubeletConfiguration): string[] {
  return [
    ...rule(
      c.imageGCLowThresholdPercent < c.imageGCHighThresholdPercent,
      'imageGCLowThresholdPercent: must be less than imageGCHighThresholdPercent',
    ),
    ...rule(
      c.imageMaximumGCAge === 0 || c.imageMaximumGCAge > c.imageMinimumGCAge,
      'imageMaximumGCAge: must be greater than imageMinimumGCAge',
    ),
    ...rule(
      !c.serializeImagePulls || (c.maxParallelImagePulls ?? 1) < 2,
      'maxParallelImagePulls: above 1 needs serializeImagePulls: false',
    ),
  ];
}

function shutdown(c: KubeletConfiguration): string[] {
  return [
    ...rule(
      c.shutdownGracePeriodCriticalPods <= c.shutdownGracePeriod,
      'shutdownGracePeriodCriticalPods: must not exceed shutdownGracePeriod',
    ),
    ...rule(
      c.shutdownGracePeriodByPodPriority.length === 0 || c.shutdownGracePeriod === 0,
      'shutdownGracePeriodByPodPriority: cannot be given together with shutdownGracePeriod',
    ),
  ];
}

const reservable = ['cpu', 'memory', 'ephemeral-storage', 'pid'];

function allocatable(c: KubeletConfiguration): string[] {
  const unknown = (['kubeReserved', 'systemReserved'] as const).flatMap((field) =>
    Object.entries(c[field])
      .filter(
        ([name, amount]) =>
          !(reservable.includes(name) || name.startsWith('hugepages-')) || amount.startsWith('-'),
      )
      .map(([name]) => `${field}.${name}: cannot be reserved`),
  );
  const modes = c.enforceNodeAllocatable;
  return [
    ...unknown,
    ...rule(new Set(modes).size === modes.length, 'enforceNodeAllocatable: has duplicates'),
    ...rule(
      !modes.includes('none') || modes.length === 1,
      'enforceNodeAllocatable: none excludes the others',
    ),
    ...rule(
      !modes.some((m) => m.startsWith('system-reserved')) || c.systemReservedCgroup !== '',
      'systemReservedCgroup: needed by enforceNodeAllocatable',
    ),
    ...rule(
      !modes.some((m) => m.startsWith('kube-reserved')) || c.kubeReservedCgroup !== '',
      'kubeReservedCgroup: needed by enforceNodeAllocatable',
    ),
  ];
}

const signals = [
  'memory.available',
  'allocatableMemory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'containerfs.available',
  'containerfs.inodesFree',
  'pid.available',
];

function eviction(c: KubeletConfiguration): string[] {
  const thresholds = (['evictionHard', 'evictionSoft', 'evictionMinimumReclaim'] as const).flatMap((field) =>
    Object.entries(c[field]).flatMap(([signal, amount]) => [
      ...rule(signals.includes(signal), `${field}.${signal}: unknown eviction signal`),
      ...rule(isThreshold(amount), `${field}.${signal}: ${amount} is neither a quantity nor a percentage`),
    ]),
  );
  const graces = Object.keys(c.evictionSoft).flatMap((signal) =>
    rule(
      parseDuration(c.evictionSoftGracePeriod[signal] ?? '') !== undefined,
      `evictionSoftGracePeriod.${signal}: needed by evictionSoft`,
    ),
  );
  return [...thresholds, ...graces];
}

function isThreshold(amount: string): boolean {
  const percentage = /^(\d+(?:\.\d+)?)%$/.exec(amount);
  if (percentage !== null) return Number(percentage[1]) <= 100;
  const value = parseQuantity(amount);
  return value !== undefined && value >= 0n;
}

function tls(c: KubeletConfiguration): string[] {
  return [
    ...c.tlsCipherSuites
      .filter((name) => !cipherSuites.has(name))
      .map((name) => `tlsCipherSuites: ${name} is not known, or not safe`),
    ...rule(
      (c.tlsCertFile === '') === (c.tlsPrivateKeyFile === ''),
      'tlsCertFile and tlsPrivateKeyFile: give both or neither',
    ),
    ...rule(
      !c.serverTLSBootstrap || c.featureGates.RotateKubeletServerCertificate !== false,
      'serverTLSBootstrap: needs the feature gate RotateKubeletServerCertificate',
    ),
  ];
}
