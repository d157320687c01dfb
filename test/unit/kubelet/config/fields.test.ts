import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {kubeletConfiguration} from '../../../../src/config/kubelet/schema.ts';
import {refusedFields, warnedFields} from '../../../../src/config/kubelet/support.ts';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';

/** Every field of KubeletConfiguration kubelet.config.k8s.io/v1beta1 in 1.36, by its path (types.go). */
const fields = `
address allowedUnsafeSysctls authentication.anonymous.enabled authentication.webhook.cacheTTL
authentication.webhook.enabled authentication.x509.clientCAFile authorization.mode
authorization.webhook.cacheAuthorizedTTL authorization.webhook.cacheUnauthorizedTTL cgroupDriver cgroupRoot
cgroupsPerQOS clusterDNS clusterDomain configMapAndSecretChangeDetectionStrategy containerLogMaxFiles
containerLogMaxSize containerLogMaxWorkers containerLogMonitorInterval containerRuntimeEndpoint contentType
cpuCFSQuota cpuCFSQuotaPeriod cpuManagerPolicy cpuManagerPolicyOptions cpuManagerReconcilePeriod
crashLoopBackOff.maxContainerRestartPeriod enableContentionProfiling enableControllerAttachDetach
enableDebugFlagsHandler enableDebuggingHandlers enableProfilingHandler enableServer enableSystemLogHandler
enableSystemLogQuery enforceNodeAllocatable eventBurst eventRecordQPS evictionHard evictionMaxPodGracePeriod
evictionMinimumReclaim evictionPressureTransitionPeriod evictionSoft evictionSoftGracePeriod failCgroupV1 failSwapOn
featureGates fileCheckFrequency hairpinMode healthzBindAddress healthzPort httpCheckFrequency
imageGCHighThresholdPercent imageGCLowThresholdPercent imageMaximumGCAge imageMinimumGCAge
imagePullCredentialsVerificationPolicy imageServiceEndpoint iptablesDropBit iptablesMasqueradeBit
kernelMemcgNotification kubeAPIBurst kubeAPIQPS kubeReserved kubeReservedCgroup kubeletCgroups
localStorageCapacityIsolation logging.flushFrequency logging.format logging.options.json logging.options.text
logging.verbosity logging.vmodule makeIPTablesUtilChains maxOpenFiles maxParallelImagePulls maxPods
memoryManagerPolicy memoryReservationPolicy memorySwap.swapBehavior memoryThrottlingFactor
mergeDefaultEvictionSettings nodeLeaseDurationSeconds nodeStatusMaxImages nodeStatusReportFrequency
nodeStatusUpdateFrequency oomScoreAdj podCIDR podLogsDir podPidsLimit podsPerCore port
preloadedImagesVerificationAllowlist protectKernelDefaults providerID qosReserved readOnlyPort registerNode
registerWithTaints registryBurst registryPullQPS reservedMemory reservedSystemCPUs resolvConf rotateCertificates
runOnce runtimeRequestTimeout seccompDefault serializeImagePulls serverTLSBootstrap showHiddenMetricsForVersion
shutdownGracePeriod shutdownGracePeriodByPodPriority shutdownGracePeriodCriticalPods singleProcessOOMKill
staticPodPath staticPodURL staticPodURLHeader streamingConnectionIdleTimeout syncFrequency systemCgroups
systemReserved systemReservedCgroup tlsCertFile tlsCipherSuites tlsCurvePreferences tlsMinVersion
tlsPrivateKeyFile topologyManagerPolicy topologyManagerPolicyOptions topologyManagerScope tracing
userNamespaces.idsPerPod volumePluginDir volumeStatsAggPeriod`
  .trim()
  .split(/\s+/);

/** One value each that is not the default: what has no effect must be told of by name, whatever is asked for. */
const others: Readonly<Record<string, string>> = {
  runOnce: 'runOnce: true',
  qosReserved: 'qosReserved: {memory: 50%}',
  enableSystemLogQuery: 'enableSystemLogQuery: true',
  tracing: 'tracing: {samplingRatePerMillion: 1}',
  systemCgroups: 'systemCgroups: /system',
  configMapAndSecretChangeDetectionStrategy: 'configMapAndSecretChangeDetectionStrategy: Get',
  kernelMemcgNotification: 'kernelMemcgNotification: true',
  enableContentionProfiling: 'enableContentionProfiling: true',
  volumePluginDir: 'volumePluginDir: /plugins',
  maxOpenFiles: 'maxOpenFiles: 1000',
  hairpinMode: 'hairpinMode: none',
  iptablesMasqueradeBit: 'iptablesMasqueradeBit: 3',
  iptablesDropBit: 'iptablesDropBit: 3',
  contentType: 'contentType: application/json',
  showHiddenMetricsForVersion: 'showHiddenMetricsForVersion: "1.35"',
  'logging.flushFrequency': 'logging: {flushFrequency: 1s}',
  'logging.vmodule': 'logging: {vmodule: [{filePattern: a, verbosity: 1}]}',
  'logging.options.text': 'logging: {options: {text: {splitStream: true}}}',
  'logging.options.json': 'logging: {options: {json: {splitStream: true}}}',
};

const source = join(import.meta.dirname, '../../../../src');

/** Where configuration is described, judged and shown, and not obeyed; and who has one of his own. */
const describing =
  /^(config\/(kubelet\/(schema|support|field-flags|rules\/(validate|eviction|images))|kubelet-files|proxy|join|runtime)|proxy\/|sandbox\/|ui\/|bootstrap\/|checks\/|lib\/codes)|\/gen\//;

/** All code that could obey a field, without comments and texts. */
function obeying(): string {
  return readdirSync(source, {recursive: true, encoding: 'utf8'})
    .filter((path) => path.endsWith('.ts') && !describing.test(path))
    .map((path) => readFileSync(join(source, path), 'utf8'))
    .join('\n')
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'/g, '');
}

/** Words that others use too: there, with the object that they are read from. */
const readAs: Readonly<Record<string, RegExp>> = {
  address: /config\.address\b/,
  port: /config\.port\b/,
  'authorization.mode': /authorization\.mode\b/,
  'authentication.anonymous.enabled': /anonymous\.enabled\b/,
  'authentication.webhook.enabled': /webhook\.enabled\b/,
  'logging.format': /logging\.format\b/,
  'logging.verbosity': /logging\.verbosity\b/,
};

describe('every field of KubeletConfiguration', () => {
  const silent = new Set([...refusedFields, ...warnedFields, 'logging.flushFrequency']);

  it('is known', () => {
    const tops = new Set(fields.map((path) => path.split('.')[0]));
    expect([...tops].sort()).toEqual(
      Object.keys(kubeletConfiguration.shape)
        .filter((name) => !['apiVersion', 'kind'].includes(name))
        .sort(),
    );
  });

  it('is obeyed, or named where it is not', () => {
    const code = obeying();
    const obeyed = (path: string) =>
      (readAs[path] ?? new RegExp(`[.{,(\\s]${path.split('.').at(-1) ?? ''}\\b`)).test(code);
    expect(fields.filter((path) => !silent.has(path) && !obeyed(path))).toEqual([]);
    // One that came to be obeyed is not said to be ignored.
    expect(fields.filter((path) => silent.has(path) && obeyed(path) && !shownOnly.has(path))).toEqual([]);
    expect(Object.keys(others).sort()).toEqual([...silent].sort());
  });

  /** Named in the code for something else: the API's content type, the server's own option. */
  const shownOnly = new Set([
    'contentType',
    'tracing',
    'volumePluginDir',
    'logging.options.text',
    'logging.options.json',
  ]);

  it.each(Object.entries(others))('%s is told of', (path, text) => {
    const file = {
      path: '/c.yaml',
      text: `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n${text}\n`,
    };
    const load = () => loadKubeletConfig([file], {}, 'n1').warnings;
    if (refusedFields.includes(path)) expect(load).toThrow(`${path}: not supported`);
    else expect(load()).toEqual([`${path}: has no effect`]);
  });
});
