import {type Gates, gateDefaults, isEnabled} from './feature-gates.ts';

export type Stage = '' | 'ALPHA' | 'BETA' | 'DEPRECATED';

const names = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Most gates that are on are beta, most that are off alpha, and locked ones done ('' is how Kubernetes writes GA). */
const exceptions = {
  GA: names('AllowServiceExternalIPs CustomCPUCFSQuotaPeriod DRAPrioritizedList MutatingAdmissionPolicy'),
  BETA: names(`
    AllBeta ClusterTrustBundle ClusterTrustBundleProjection ConcurrentWatchObjectDecode CoordinatedLeaderElection
    CustomResourceFieldSelectors DRADeviceTaintRules LocalStorageCapacityIsolationFSQuotaMonitoring
    MaxUnavailableStatefulSet PodCertificateRequest RetryGenerateName SELinuxMount SchedulerAsyncAPICalls
    SidecarContainers StorageVersionMigrator
  `),
  DEPRECATED: names(`
    AggregatedDiscoveryRemoveBetaType AllowDNSOnlyNodeCSR AllowInsecureKubeletCertificateSigningRequests
    ChangeContainerStatusOnKubeletRestart DeclarativeValidationTakeover DisableCPUQuotaWithExclusiveCPUs
    DisableNodeKubeProxyVersion KMSv1 KubeletPodResourcesListUseActivePods KubeletRegistrationGetOnExistsOnly
    ServiceCIDRStatusFieldWiping StorageNamespaceIndex WindowsHostNetwork
  `),
};

export type GateState = {readonly name: string; readonly stage: Stage; readonly enabled: boolean};

/** Every gate with what is in effect, for `kubernetes_feature_enabled`. */
export function gateStates(gates: Gates): GateState[] {
  return gateDefaults().map(({name, value, locked}) => ({
    name,
    stage: stageOf(name, value, locked),
    enabled: isEnabled(gates, name),
  }));
}

function stageOf(name: string, byDefault: boolean, locked: boolean): Stage {
  if (exceptions.BETA.has(name)) return 'BETA';
  if (exceptions.DEPRECATED.has(name) || (locked && !byDefault)) return 'DEPRECATED';
  if (locked || exceptions.GA.has(name)) return '';
  return byDefault ? 'BETA' : 'ALPHA';
}
