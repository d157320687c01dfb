import {complete, type KubeletConfiguration} from './defaults.ts';
import {movedGates} from './feature-gates.ts';
import {kubeletConfiguration} from './schema.ts';
import {suiteWarnings} from './tls.ts';

type Field = keyof KubeletConfiguration;

/** Fields whose meaning a running pod or an administrator relies on: anything but their default is refused. */
const refusedFields: readonly Field[] = [
  'runOnce',
  'qosReserved',
  'enableSystemLogQuery',
  'tracing',
  'systemCgroups',
];

/** Fields that only tune what nodectl does otherwise or not yet: the node works, and the log says so. */
const warnedFields: readonly Field[] = [
  'configMapAndSecretChangeDetectionStrategy',
  'tlsCurvePreferences',
  'kernelMemcgNotification',
  'enableContentionProfiling',
  'volumePluginDir',
  'maxOpenFiles',
  'iptablesMasqueradeBit',
  'iptablesDropBit',
  'showHiddenMetricsForVersion',
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
  'MemoryQoS',
  'RotateKubeletServerCertificate',
];

export type Support = {readonly refused: readonly string[]; readonly warnings: readonly string[]};

/** What of a configuration nodectl cannot honour: nothing is ignored silently. */
export function judgeSupport(configuration: KubeletConfiguration): Support {
  const defaults = complete(kubeletConfiguration.parse({}));
  const differs = (field: Field): boolean =>
    JSON.stringify(configuration[field]) !== JSON.stringify(defaults[field]);
  return {
    refused: refusedFields.filter(differs).map((field) => `${field}: not supported by nodectl; leave it out`),
    warnings: [
      ...suiteWarnings(configuration.tlsCipherSuites),
      ...warnedFields.filter(differs).map((field) => `${field}: has no effect yet`),
      ...movedGates(configuration.featureGates)
        .filter((gate) => !knownGates.includes(gate))
        .map((gate) => `featureGates.${gate}: has no effect`),
    ],
  };
}
