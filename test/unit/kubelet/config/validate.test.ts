import {describe, expect, it} from 'vitest';
import {tlsOptions} from '../../../../src/config/kubelet/tls.ts';
import {type KubeletFlags, loadKubeletConfig} from '../../../../src/config/kubelet.ts';

const header = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
const load = (text: string, flags: KubeletFlags = {}) =>
  loadKubeletConfig([{path: '/etc/k/config.yaml', text: header + text}], flags, 'host-1');

/** By meaning the rows of pkg/kubelet/apis/config/validation, and of what the kubelet looks at when it starts. */
describe('what the kubelet refuses', () => {
  it.each<[yaml: string, field: string]>([
    ['nodeLeaseDurationSeconds: -1', 'nodeLeaseDurationSeconds'],
    ['cgroupsPerQOS: false\nenforceNodeAllocatable: [pods]', 'enforceNodeAllocatable'],
    ['systemCgroups: /system', 'systemCgroups'],
    ['eventBurst: -1', 'eventBurst'],
    ['eventRecordQPS: -1', 'eventRecordQPS'],
    ['healthzPort: 65536', 'healthzPort'],
    ['featureGates: {CustomCPUCFSQuotaPeriod: false}\ncpuCFSQuotaPeriod: 200ms', 'CustomCPUCFSQuotaPeriod'],
    ['cpuCFSQuotaPeriod: 2s', 'cpuCFSQuotaPeriod'],
    ['imageGCHighThresholdPercent: 101', 'imageGCHighThresholdPercent'],
    ['imageGCLowThresholdPercent: -1', 'imageGCLowThresholdPercent'],
    ['imageGCHighThresholdPercent: 0\nimageGCLowThresholdPercent: 0', 'imageGCLowThresholdPercent'],
    ['imageMinimumGCAge: -1s', 'imageMinimumGCAge'],
    ['imageMaximumGCAge: -1ns', 'imageMaximumGCAge'],
    ['imageMaximumGCAge: 1ns\nimageMinimumGCAge: 2ns', 'imageMaximumGCAge'],
    ['iptablesDropBit: 32', 'iptablesDropBit'],
    ['iptablesMasqueradeBit: -1', 'iptablesMasqueradeBit'],
    ['kubeAPIBurst: -1', 'kubeAPIBurst'],
    ['kubeAPIQPS: -1', 'kubeAPIQPS'],
    ['nodeStatusMaxImages: -2', 'nodeStatusMaxImages'],
    ['maxOpenFiles: -1', 'maxOpenFiles'],
    ['maxPods: -1', 'maxPods'],
    // An int32 of Go.
    ['maxPods: 3000000000', 'maxPods'],
    ['evictionMaxPodGracePeriod: 3000000000', 'evictionMaxPodGracePeriod'],
    ['containerLogMaxSize: 10MB', 'containerLogMaxSize'],
    ['containerLogMaxSize: much', 'containerLogMaxSize'],
    ['showHiddenMetricsForVersion: "1.34"', 'showHiddenMetricsForVersion'],
    ['oomScoreAdj: 1001', 'oomScoreAdj'],
    ['podsPerCore: -1', 'podsPerCore'],
    ['port: 65536', 'port'],
    ['readOnlyPort: 65536', 'readOnlyPort'],
    ['registryBurst: -1', 'registryBurst'],
    ['registryPullQPS: -1', 'registryPullQPS'],
    ['maxParallelImagePulls: 0', 'maxParallelImagePulls'],
    ['maxParallelImagePulls: 3\nserializeImagePulls: true', 'maxParallelImagePulls'],
    ['featureGates: {RotateKubeletServerCertificate: false}\nserverTLSBootstrap: true', 'serverTLSBootstrap'],
    ['runOnce: true', 'runOnce'],
    ['topologyManagerPolicy: invalid', 'topologyManagerPolicy'],
    ['topologyManagerScope: invalid', 'topologyManagerScope'],
    ['shutdownGracePeriod: 1s\nshutdownGracePeriodCriticalPods: 2s', 'shutdownGracePeriodCriticalPods'],
    ['shutdownGracePeriod: 1ms', 'shutdownGracePeriod: must be 0'],
    ['shutdownGracePeriod: -1s', 'shutdownGracePeriod: must be 0'],
    [
      'shutdownGracePeriod: 2s\nshutdownGracePeriodCriticalPods: 1ms',
      'shutdownGracePeriodCriticalPods: must',
    ],
    ['featureGates: {GracefulNodeShutdown: false}\nshutdownGracePeriod: 1s', 'GracefulNodeShutdown'],
    [
      'shutdownGracePeriod: 1s\nshutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 0}]',
      'shutdownGracePeriodByPodPriority',
    ],
    [
      'featureGates: {GracefulNodeShutdownBasedOnPodPriority: false}\nshutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 0}]',
      'GracefulNodeShutdownBasedOnPodPriority',
    ],
    ['memorySwap: {swapBehavior: invalid}', 'swapBehavior'],
    ['crashLoopBackOff: {maxContainerRestartPeriod: 0s}', 'maxContainerRestartPeriod'],
    ['crashLoopBackOff: {maxContainerRestartPeriod: 301s}', 'maxContainerRestartPeriod'],
    [
      'featureGates: {KubeletCrashLoopBackOffMax: false}\ncrashLoopBackOff: {maxContainerRestartPeriod: 3s}',
      'KubeletCrashLoopBackOffMax',
    ],
    ['enforceNodeAllocatable: [system-reserved]', 'systemReservedCgroup'],
    ['enforceNodeAllocatable: [system-reserved-compressible]', 'systemReservedCgroup'],
    ['enforceNodeAllocatable: [kube-reserved]', 'kubeReservedCgroup'],
    ['enforceNodeAllocatable: [kube-reserved-compressible]', 'kubeReservedCgroup'],
    [
      'systemReservedCgroup: /s\nenforceNodeAllocatable: [system-reserved, system-reserved-compressible]',
      'exclude each other',
    ],
    [
      'kubeReservedCgroup: /k\nenforceNodeAllocatable: [kube-reserved-compressible, kube-reserved]',
      'exclude each other',
    ],
    ['kubeReservedCgroup: /k\nenforceNodeAllocatable: [none, kube-reserved]', 'none excludes'],
    ['enforceNodeAllocatable: [none, none]', 'duplicates'],
    ['enforceNodeAllocatable: [invalid]', 'enforceNodeAllocatable'],
    ['hairpinMode: invalid', 'hairpinMode'],
    ['reservedSystemCPUs: 0-3\nsystemReservedCgroup: /s', 'reservedSystemCPUs'],
    ['reservedSystemCPUs: 0-3\nkubeReservedCgroup: /k', 'reservedSystemCPUs'],
    ['reservedSystemCPUs: invalid', 'reservedSystemCPUs'],
    ['memoryThrottlingFactor: 1.1', 'memoryThrottlingFactor'],
    ['memoryThrottlingFactor: 0', 'memoryThrottlingFactor'],
    ['memoryReservationPolicy: TieredReservation', 'MemoryQoS'],
    ['memoryReservationPolicy: HardReservation', 'memoryReservationPolicy'],
    [
      'registerWithTaints: [{key: a, effect: NoSchedule, timeAdded: "2026-01-01T00:00:00Z"}]',
      'registerWithTaints',
    ],
    ['registerWithTaints: [{key: "a b", effect: NoSchedule}]', 'is not a key of a taint'],
    ['registerWithTaints: [{key: a..b/c, effect: NoSchedule}]', 'is not a key of a taint'],
    ['registerWithTaints: [{key: a, value: "b c", effect: NoSchedule}]', 'is not a value of a taint'],
    ['enableSystemLogHandler: false\nenableSystemLogQuery: true', 'enableSystemLogQuery'],
    ['containerLogMaxWorkers: 0', 'containerLogMaxWorkers'],
    ['containerLogMonitorInterval: 2s', 'containerLogMonitorInterval'],
    ['containerLogMonitorInterval: -1s', 'containerLogMonitorInterval'],
    ['containerLogMaxFiles: 1', 'containerLogMaxFiles'],
    ['podLogsDir: /path/../', 'podLogsDir'],
    ['podLogsDir: /path/', 'podLogsDir'],
    ['podLogsDir: /🧪', 'podLogsDir'],
    ['logging: {format: invalid}', 'logging.format'],
    ['imagePullCredentialsVerificationPolicy: invalid', 'imagePullCredentialsVerificationPolicy'],
    [
      'imagePullCredentialsVerificationPolicy: NeverVerify\npreloadedImagesVerificationAllowlist: [test.test/repo]',
      'preloadedImagesVerificationAllowlist',
    ],
    [
      'featureGates: {KubeletEnsureSecretPulledImages: false}\nimagePullCredentialsVerificationPolicy: AlwaysVerify',
      'KubeletEnsureSecretPulledImages',
    ],
    ...['test.test/repo:tag', 'test.test/re*o', '*', '/*', ' test.test/repo', 'test.test/*/*', 'UPPER'].map(
      (pattern): [string, string] => [
        `imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\npreloadedImagesVerificationAllowlist: ["${pattern}"]`,
        'preloadedImagesVerificationAllowlist',
      ],
    ),
    ['userNamespaces: {idsPerPod: 1}', 'idsPerPod'],
    ['userNamespaces: {idsPerPod: 65537}', 'idsPerPod'],
    ['userNamespaces: {idsPerPod: 4294967296}', 'idsPerPod'],
    ['featureGates: {NoSuchGate: true}', 'featureGates.NoSuchGate'],
    ['featureGates: {NodeLogQuery: false}', 'locked to true'],
    ['kubeReserved: {hugepages-2Mi: 2Mi}', 'kubeReserved.hugepages-2Mi'],
    ['systemReserved: {cpu: -100m}', 'systemReserved.cpu'],
    ['evictionHard: {memory.available: "0"}', 'evictionHard.memory.available'],
    ['evictionHard: {memory.available: -1Mi}', 'evictionHard.memory.available'],
    ['evictionHard: {memory.available: 150%}', 'evictionHard.memory.available'],
    ['evictionSoft: {memory.available: 1Gi}', 'evictionSoftGracePeriod.memory.available'],
    [
      'evictionSoft: {memory.available: 1Gi}\nevictionSoftGracePeriod: {memory.available: -30s}',
      'evictionSoftGracePeriod.memory.available',
    ],
    ['evictionSoftGracePeriod: {mem.available: 30s}', 'evictionSoftGracePeriod.mem.available'],
    ['evictionMinimumReclaim: {memory.available: 0%}', 'evictionMinimumReclaim.memory.available'],
    ['evictionMinimumReclaim: {memory.available: -1Mi}', 'evictionMinimumReclaim.memory.available'],
    ['reservedMemory: [{numaNode: 0, limits: {cpu: "1"}}]', 'reservedMemory'],
    ['reservedMemory: [{numaNode: 0, limits: {memory: "0"}}]', 'reservedMemory'],
    [
      'reservedMemory: [{numaNode: 0, limits: {memory: 1Mi}}, {numaNode: 0, limits: {memory: 2Mi}}]',
      'reservedMemory',
    ],
  ])('%s', (yaml, field) => expect(() => load(yaml)).toThrow(field));
});

describe('what the kubelet takes', () => {
  it.each([
    'maxParallelImagePulls: 1\nserializeImagePulls: true',
    'imageMaximumGCAge: 3m\nimageMinimumGCAge: 2m',
    'evictionHard: {memory.available: 0%, nodefs.available: 100%, pid.available: 12.5%}',
    'evictionSoft: {memory.available: 0%}',
    'evictionMinimumReclaim: {memory.available: "0", imagefs.available: 2Gi, nodefs.available: 150%}',
    'evictionSoftGracePeriod: {memory.available: 30s}',
    'featureGates: {NodeLogQuery: true, AllAlpha: false, LoggingBetaOptions: true}',
    'enforceNodeAllocatable: [none]\ncgroupsPerQOS: false',
    'enforceNodeAllocatable: []\ncgroupsPerQOS: false',
    'kubeReservedCgroup: /k\nenforceNodeAllocatable: [pods, kube-reserved-compressible]',
    'logging: {format: json}',
    'imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\npreloadedImagesVerificationAllowlist: ["test.test/repo", "host:5000/a/*", "registry.k8s.io/*", pause]',
    'shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 0}]',
    'crashLoopBackOff: {maxContainerRestartPeriod: 1s}',
    'registerWithTaints: [{key: example.com/dedicated, value: a.b_c, effect: PreferNoSchedule}, {key: b, value: "", effect: NoExecute}]',
    'userNamespaces: {idsPerPod: 131072}',
    'podPidsLimit: 4194304000\nmaxOpenFiles: 3000000000',
    // No rotation.
    'containerLogMaxSize: "-1"',
    'showHiddenMetricsForVersion: "1.35"',
  ])('%s', (yaml) => expect(load(yaml).config.nodeName).toBe('host-1'));

  /** CIS 4.2.12 listed the RSA ones up to cis-1.11. */
  it('takes insecure cipher suites with a warning, and offers no RC4 and no 3DES', () => {
    const names = [
      'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
      'TLS_RSA_WITH_AES_256_GCM_SHA384',
      'TLS_RSA_WITH_RC4_128_SHA',
    ];
    const {config, warnings} = load(`tlsCipherSuites: [${names}]`);
    expect(warnings).toEqual([
      'tlsCipherSuites: TLS_RSA_WITH_AES_256_GCM_SHA384 is insecure',
      'tlsCipherSuites: TLS_RSA_WITH_RC4_128_SHA is insecure, and is not offered',
    ]);
    expect(tlsOptions(config).ciphers?.split(':').slice(3)).toEqual([
      'ECDHE-RSA-AES128-GCM-SHA256',
      'AES256-GCM-SHA384',
    ]);
  });

  it('offers nothing of TLS 1.2 where only suites of 1.3 are named, as Go', () => {
    const {config} = load('tlsCipherSuites: [TLS_AES_128_GCM_SHA256]');
    expect(tlsOptions(config).ciphers).toBe(
      'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256',
    );
  });

  it('says nothing of a gate that stays where it is, and that one which moves has no effect', () => {
    const {warnings} = load(
      'featureGates: {NodeSwap: true, CRIListStreaming: true, CPUManagerPolicyAlphaOptions: true, KubeletPodResourcesListUseActivePods: false}',
    );
    expect(warnings).toEqual(['featureGates.CRIListStreaming: has no effect']);
  });
});
