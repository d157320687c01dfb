import {posix} from 'node:path';
import {parseQuantity} from '../../../lib/quantity.ts';
import {isSysctlPattern, sysctlNamespace} from '../../../lib/sysctls.ts';
import {kubernetesVersion} from '../../version.ts';
import type {KubeletConfiguration} from '../defaults.ts';
import {gateProblems, isEnabled} from '../feature-gates.ts';
import {curveProblems, suiteProblems} from '../tls.ts';
import {evictionProblems} from './eviction.ts';
import {imageProblems} from './images.ts';
import {managerProblems} from './managers.ts';
import {isLabelKey, isLabelValue} from './node-labels.ts';
import {rule} from './rule.ts';

/** Rules between fields (pkg/kubelet/apis/config/validation); each broken one is one line that names the field. */
export function validate(c: KubeletConfiguration): string[] {
  return [
    ...gateProblems(c.featureGates),
    ...limits(c),
    ...logs(c),
    ...memory(c),
    ...taints(c),
    ...imageProblems(c),
    ...shutdown(c),
    ...allocatable(c),
    ...evictionProblems(c),
    ...tls(c),
    ...managerProblems(c),
  ];
}

const defaultQuotaPeriodMs = 100;
const previousRelease = kubernetesVersion.replace(/^v1\.(\d+).*$/, (_, minor) => `1.${Number(minor) - 1}`);

function limits(c: KubeletConfiguration): string[] {
  const {maxContainerRestartPeriod: restart} = c.crashLoopBackOff;
  const {idsPerPod} = c.userNamespaces;
  return [
    ...rule(
      c.cpuCFSQuotaPeriod >= 1 && c.cpuCFSQuotaPeriod <= 1000,
      'cpuCFSQuotaPeriod: must be between 1ms and 1s',
    ),
    ...rule(
      c.cpuCFSQuotaPeriod === defaultQuotaPeriodMs || isEnabled(c.featureGates, 'CustomCPUCFSQuotaPeriod'),
      'cpuCFSQuotaPeriod: needs the feature gate CustomCPUCFSQuotaPeriod',
    ),
    ...rule(
      restart === undefined || (restart >= 1000 && restart <= 300_000),
      'crashLoopBackOff.maxContainerRestartPeriod: must be between 1s and 300s',
    ),
    ...rule(
      restart === undefined || isEnabled(c.featureGates, 'KubeletCrashLoopBackOffMax'),
      'crashLoopBackOff.maxContainerRestartPeriod: needs the feature gate KubeletCrashLoopBackOffMax',
    ),
    ...c.allowedUnsafeSysctls.flatMap((pattern) => sysctlProblem(pattern) ?? []),
    ...rule(
      idsPerPod >= 65_536 && idsPerPod % 65_536 === 0 && idsPerPod < 2 ** 32,
      'userNamespaces.idsPerPod: must be a multiple of 65536 below 2^32',
    ),
    ...rule(
      ['', previousRelease].includes(c.showHiddenMetricsForVersion),
      `showHiddenMetricsForVersion: must be left out, or ${previousRelease}`,
    ),
    ...rule(
      c.cgroupsPerQOS || c.enforceNodeAllocatable.every((e) => e === 'none'),
      'enforceNodeAllocatable: needs cgroupsPerQOS',
    ),
  ];
}

function logs(c: KubeletConfiguration): string[] {
  const directory = c.podLogsDir;
  return [
    ...rule(c.containerLogMonitorInterval >= 3000, 'containerLogMonitorInterval: must be 3s or more'),
    ...rule(
      parseQuantity(c.containerLogMaxSize) !== undefined,
      'containerLogMaxSize: is not a quantity such as 10Mi',
    ),
    ...rule(
      posix.isAbsolute(directory) && posix.join(directory, '.') === directory,
      'podLogsDir: must be an absolute path without . and .. and without a slash at its end',
    ),
    // It becomes part of metrics.
    ...rule(/^[\x20-\x7e]*$/.test(directory), 'podLogsDir: must be ASCII'),
    ...rule(
      c.logging.vmodule.length === 0 || c.logging.format !== 'json',
      'logging.vmodule: only for the format text',
    ),
    ...rule(
      c.enableSystemLogHandler || !c.enableSystemLogQuery,
      'enableSystemLogQuery: needs enableSystemLogHandler',
    ),
  ];
}

function memory(c: KubeletConfiguration): string[] {
  return [
    ...rule(
      c.memoryThrottlingFactor > 0 && c.memoryThrottlingFactor <= 1,
      'memoryThrottlingFactor: must be in (0, 1]',
    ),
    ...rule(
      c.memoryReservationPolicy === 'None' || isEnabled(c.featureGates, 'MemoryQoS'),
      'memoryReservationPolicy: needs the feature gate MemoryQoS',
    ),
  ];
}

function taints(c: KubeletConfiguration): string[] {
  return c.registerWithTaints.flatMap(({key, value = ''}) => [
    ...rule(isLabelKey(key), `registerWithTaints: ${JSON.stringify(key)} is not a key of a taint`),
    ...rule(isLabelValue(value), `registerWithTaints: ${JSON.stringify(value)} is not a value of a taint`),
  ]);
}

function shutdown(c: KubeletConfiguration): string[] {
  const {shutdownGracePeriod: all, shutdownGracePeriodCriticalPods: critical} = c;
  const byPriority = c.shutdownGracePeriodByPodPriority.length > 0;
  const isPeriod = (ms: number) => ms === 0 || ms >= 1000;
  return [
    ...rule(isPeriod(all), 'shutdownGracePeriod: must be 0 or 1s and more'),
    ...rule(isPeriod(critical), 'shutdownGracePeriodCriticalPods: must be 0 or 1s and more'),
    ...rule(critical <= all, 'shutdownGracePeriodCriticalPods: must not exceed shutdownGracePeriod'),
    ...rule(
      !byPriority || (all === 0 && critical === 0),
      'shutdownGracePeriodByPodPriority: cannot be given together with shutdownGracePeriod',
    ),
    ...rule(
      (all === 0 && critical === 0) || isEnabled(c.featureGates, 'GracefulNodeShutdown'),
      'shutdownGracePeriod: needs the feature gate GracefulNodeShutdown',
    ),
    ...rule(
      !byPriority || isEnabled(c.featureGates, 'GracefulNodeShutdownBasedOnPodPriority'),
      'shutdownGracePeriodByPodPriority: needs the feature gate GracefulNodeShutdownBasedOnPodPriority',
    ),
  ];
}

/** pid as it is spelled here; nothing else can be set aside (server.go, parseResourceList). */
const reservable = ['cpu', 'memory', 'ephemeral-storage', 'pid'];

function allocatable(c: KubeletConfiguration): string[] {
  const unknown = (['kubeReserved', 'systemReserved'] as const).flatMap((field) =>
    Object.entries(c[field])
      .filter(([name, amount]) => !reservable.includes(name) || amount.startsWith('-'))
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
    ...(['system-reserved', 'kube-reserved'] as const).flatMap((mode) =>
      rule(
        !modes.includes(mode) || !modes.includes(`${mode}-compressible`),
        `enforceNodeAllocatable: ${mode} and ${mode}-compressible exclude each other`,
      ),
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

function tls(c: KubeletConfiguration): string[] {
  return [
    ...suiteProblems(c.tlsCipherSuites),
    ...curveProblems(c.tlsCurvePreferences),
    ...rule(
      (c.tlsCertFile === '') === (c.tlsPrivateKeyFile === ''),
      'tlsCertFile and tlsPrivateKeyFile: give both or neither',
    ),
    ...rule(
      !c.serverTLSBootstrap || isEnabled(c.featureGates, 'RotateKubeletServerCertificate'),
      'serverTLSBootstrap: needs the feature gate RotateKubeletServerCertificate',
    ),
  ];
}

/** pkg/kubelet/sysctl, NewAllowlist. */
function sysctlProblem(pattern: string): string | undefined {
  if (!isSysctlPattern(pattern))
    return `allowedUnsafeSysctls: "${pattern}" is no name of a sysctl, nor one that ends with a *`;
  if (sysctlNamespace(pattern) !== undefined) return undefined;
  return `allowedUnsafeSysctls: ${pattern} is not known to be namespaced`;
}
