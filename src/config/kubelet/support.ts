import {isRecord} from '../document.ts';
import {complete, type KubeletConfiguration} from './defaults.ts';
import {movedGates} from './feature-gates.ts';
import {kubeletConfiguration} from './schema.ts';
import {suiteWarnings} from './tls.ts';

/** Fields whose meaning a running pod or an administrator relies on: anything but their default is refused. */
export const refusedFields: readonly string[] = [
  'runOnce',
  'qosReserved',
  'enableSystemLogQuery',
  'tracing',
  'systemCgroups',
];

/**
 * Fields that tune what nodectl does in another way, or that nothing in Kubernetes 1.36 reads any more (hairpinMode and
 * the bits of iptables' marks): the node works, and the log says so.
 */
export const warnedFields: readonly string[] = [
  'configMapAndSecretChangeDetectionStrategy',
  'kernelMemcgNotification',
  'enableContentionProfiling',
  'volumePluginDir',
  'maxOpenFiles',
  'hairpinMode',
  'iptablesMasqueradeBit',
  'iptablesDropBit',
  'contentType',
  'showHiddenMetricsForVersion',
  'logging.vmodule',
  'logging.options.text',
  'logging.options.json',
];

/** Gates whose both positions mean something here; others have no effect. */
const knownGates: readonly string[] = [
  'AllowDNSOnlyNodeCSR',
  'CPUManagerPolicyAlphaOptions',
  'CPUManagerPolicyBetaOptions',
  'CustomCPUCFSQuotaPeriod',
  'GracefulNodeShutdown',
  'GracefulNodeShutdownBasedOnPodPriority',
  'KubeletCrashLoopBackOffMax',
  'KubeletEnsureSecretPulledImages',
  'KubeletPodResourcesListUseActivePods',
  'MemoryQoS',
  'RotateKubeletServerCertificate',
];

export type Support = {readonly refused: readonly string[]; readonly warnings: readonly string[]};

/** What of a configuration nodectl cannot honour: nothing is ignored silently. */
export function judgeSupport(configuration: KubeletConfiguration): Support {
  const defaults = complete(kubeletConfiguration.parse({}));
  const differs = (path: string): boolean =>
    JSON.stringify(at(configuration, path)) !== JSON.stringify(at(defaults, path));
  return {
    refused: refusedFields.filter(differs).map((path) => `${path}: not supported by nodectl; leave it out`),
    warnings: [
      ...suiteWarnings(configuration.tlsCipherSuites),
      ...([0, 5_000].includes(configuration.logging.flushFrequency)
        ? []
        : ['logging.flushFrequency: has no effect']),
      ...warnedFields.filter(differs).map((path) => `${path}: has no effect`),
      ...movedGates(configuration.featureGates)
        .filter((gate) => !knownGates.includes(gate))
        .map((gate) => `featureGates.${gate}: has no effect`),
    ],
  };
}

function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, name) => (isRecord(inner) ? inner[name] : undefined), value);
}
