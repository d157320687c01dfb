import * as z from 'zod/mini';
import {parseQuantity} from '../../lib/quantity.ts';
import {parseDuration} from '../machine/units.ts';

/**
 * KubeletConfiguration kubelet.config.k8s.io/v1beta1 with the defaults of Kubernetes 1.36
 * (pkg/kubelet/apis/config/v1beta1/defaults.go). Go cannot tell an unset string, number or duration from its zero
 * value, so for those the zero value means the default too. Durations are milliseconds after parsing.
 */
const text = z._default(z.string(), '');
const texts = z._default(z.array(z.string()), []);
const textMap = z._default(z.record(z.string(), z.string()), {});
const flag = (fallback: boolean) => z._default(z.boolean(), fallback);
const integer = z.int();
const port = z.int().check(z.minimum(0), z.maximum(65_535));
const count = z.int().check(z.minimum(0));
const percent = z.int().check(z.minimum(0), z.maximum(100));
const quantity = z
  .union([z.string(), z.number()])
  .check(z.refine((value) => parseQuantity(value) !== undefined, {error: 'is not a quantity'}));
const quantities = z._default(z.record(z.string(), z.pipe(quantity, z.transform(String))), {});

const duration = z.pipe(
  z
    .string()
    .check(
      z.refine((value) => parseDuration(value) !== undefined, {error: 'is not a duration such as 1m30s'}),
    ),
  z.transform((value: string) => parseDuration(value) ?? 0),
);

const orText = (fallback: string) =>
  z._default(
    z.pipe(
      z.string(),
      z.transform((value: string) => (value === '' ? fallback : value)),
    ),
    fallback,
  );
const orCount = (fallback: number) =>
  z._default(
    z.pipe(
      count,
      z.transform((value: number) => (value === 0 ? fallback : value)),
    ),
    fallback,
  );
const orPort = (fallback: number) =>
  z._default(
    z.pipe(
      port,
      z.transform((value: number) => (value === 0 ? fallback : value)),
    ),
    fallback,
  );
const orDuration = (fallbackMs: number) =>
  z._default(
    z.pipe(
      duration,
      z.transform((value: number) => (value === 0 ? fallbackMs : value)),
    ),
    fallbackMs,
  );
function oneOf<const T extends string>(...options: readonly [T, ...T[]]) {
  const [fallback] = options;
  const known = z.string().check(
    z.refine((value) => value === '' || options.some((option) => option === value), {
      error: `is not one of ${options.join(', ')}`,
    }),
  );
  const chosen = z.transform((value: string): T => options.find((option) => option === value) ?? fallback);
  return z.prefault(z.pipe(known, chosen), '');
}

const seconds = (n: number): number => n * 1000;
const minutes = (n: number): number => n * 60_000;

const authentication = z.strictObject({
  x509: z.prefault(z.strictObject({clientCAFile: text}), {}),
  webhook: z.prefault(z.strictObject({enabled: flag(true), cacheTTL: orDuration(minutes(2))}), {}),
  anonymous: z.prefault(z.strictObject({enabled: flag(false)}), {}),
});

const authorization = z.strictObject({
  mode: oneOf('Webhook', 'AlwaysAllow'),
  webhook: z.prefault(
    z.strictObject({
      cacheAuthorizedTTL: orDuration(minutes(5)),
      cacheUnauthorizedTTL: orDuration(seconds(30)),
    }),
    {},
  ),
});

const taint = z.strictObject({
  key: z.string().check(z.minLength(1)),
  value: z.optional(z.string()),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
});

const server = {
  enableServer: flag(true),
  address: orText('0.0.0.0'),
  port: orPort(10_250),
  readOnlyPort: z._default(port, 0),
  tlsCertFile: text,
  tlsPrivateKeyFile: text,
  tlsCipherSuites: texts,
  tlsCurvePreferences: z._default(z.array(integer), []),
  tlsMinVersion: oneOf('VersionTLS12', 'VersionTLS10', 'VersionTLS11', 'VersionTLS13'),
  rotateCertificates: flag(false),
  serverTLSBootstrap: flag(false),
  authentication: z.prefault(authentication, {}),
  authorization: z.prefault(authorization, {}),
  enableDebuggingHandlers: flag(true),
  enableContentionProfiling: flag(false),
  enableSystemLogHandler: flag(true),
  enableSystemLogQuery: flag(false),
  enableProfilingHandler: flag(true),
  enableDebugFlagsHandler: flag(true),
  healthzPort: z._default(port, 10_248),
  healthzBindAddress: orText('127.0.0.1'),
  streamingConnectionIdleTimeout: orDuration(4 * 3_600_000),
  showHiddenMetricsForVersion: text,
};

const sources = {
  staticPodPath: text,
  staticPodURL: text,
  staticPodURLHeader: z._default(z.record(z.string(), z.array(z.string())), {}),
  fileCheckFrequency: orDuration(seconds(20)),
  httpCheckFrequency: orDuration(seconds(20)),
  syncFrequency: orDuration(minutes(1)),
  configMapAndSecretChangeDetectionStrategy: oneOf('Watch', 'Get', 'Cache'),
  runOnce: flag(false),
};

const node = {
  registerNode: flag(true),
  registerWithTaints: z._default(z.array(taint), []),
  providerID: text,
  podCIDR: text,
  nodeStatusUpdateFrequency: orDuration(seconds(10)),
  /** Follows nodeStatusUpdateFrequency where that is given, else 5 minutes: filled in by `complete`. */
  nodeStatusReportFrequency: z.optional(duration),
  nodeLeaseDurationSeconds: orCount(40),
  nodeStatusMaxImages: z._default(integer.check(z.minimum(-1)), 50),
  maxPods: orCount(110),
  podsPerCore: z._default(count, 0),
  kubeReserved: quantities,
  systemReserved: quantities,
  kubeReservedCgroup: text,
  systemReservedCgroup: text,
  reservedSystemCPUs: text,
  enforceNodeAllocatable: z._default(
    z.array(
      z.enum([
        'pods',
        'none',
        'system-reserved',
        'system-reserved-compressible',
        'kube-reserved',
        'kube-reserved-compressible',
      ]),
    ),
    ['pods'],
  ),
  localStorageCapacityIsolation: flag(true),
  featureGates: z._default(z.record(z.string(), z.boolean()), {}),
};

const eviction = {
  /** Kubernetes' Linux defaults where not given: filled in by `complete`. */
  evictionHard: z.optional(z.record(z.string(), z.string())),
  evictionSoft: textMap,
  evictionSoftGracePeriod: textMap,
  evictionPressureTransitionPeriod: orDuration(minutes(5)),
  evictionMaxPodGracePeriod: z._default(integer, 0),
  evictionMinimumReclaim: textMap,
  mergeDefaultEvictionSettings: flag(false),
  kernelMemcgNotification: flag(false),
  shutdownGracePeriod: z._default(duration, 0),
  shutdownGracePeriodCriticalPods: z._default(duration, 0),
  shutdownGracePeriodByPodPriority: z._default(
    z.array(z.strictObject({priority: integer, shutdownGracePeriodSeconds: count})),
    [],
  ),
};

const cgroups = {
  cgroupRoot: text,
  cgroupsPerQOS: flag(true),
  cgroupDriver: oneOf('cgroupfs', 'systemd'),
  kubeletCgroups: text,
  systemCgroups: text,
  failCgroupV1: flag(true),
  failSwapOn: flag(true),
  memorySwap: z.prefault(
    z.strictObject({swapBehavior: z._default(z.enum(['', 'NoSwap', 'LimitedSwap']), '')}),
    {},
  ),
  cpuManagerPolicy: oneOf('none', 'static'),
  cpuManagerPolicyOptions: textMap,
  cpuManagerReconcilePeriod: orDuration(seconds(10)),
  memoryManagerPolicy: oneOf('None', 'Static'),
  reservedMemory: z._default(z.array(z.strictObject({numaNode: count, limits: quantities})), []),
  topologyManagerPolicy: oneOf('none', 'best-effort', 'restricted', 'single-numa-node'),
  topologyManagerScope: oneOf('container', 'pod'),
  topologyManagerPolicyOptions: textMap,
  qosReserved: textMap,
  podPidsLimit: z._default(
    z.pipe(
      integer,
      z.transform((value: number) => (value < 0 ? -1 : value)),
    ),
    -1,
  ),
  cpuCFSQuota: flag(true),
  cpuCFSQuotaPeriod: z._default(duration, 100),
  memoryThrottlingFactor: z._default(z.number(), 0.9),
  memoryReservationPolicy: oneOf('None', 'TieredReservation', 'HardReservation'),
  singleProcessOOMKill: z.optional(z.boolean()),
  oomScoreAdj: z._default(integer.check(z.minimum(-1000), z.maximum(1000)), -999),
  maxOpenFiles: orCount(1_000_000),
  protectKernelDefaults: flag(false),
};

const runtime = {
  containerRuntimeEndpoint: orText('unix:///run/containerd/containerd.sock'),
  imageServiceEndpoint: text,
  runtimeRequestTimeout: orDuration(minutes(2)),
  registryPullQPS: z._default(count, 5),
  registryBurst: orCount(10),
  /** True unless maxParallelImagePulls is above 1: filled in by `complete`. */
  serializeImagePulls: z.optional(z.boolean()),
  maxParallelImagePulls: z.optional(integer.check(z.minimum(1))),
  imagePullCredentialsVerificationPolicy: oneOf(
    'NeverVerifyPreloadedImages',
    'NeverVerify',
    'NeverVerifyAllowlistedImages',
    'AlwaysVerify',
  ),
  preloadedImagesVerificationAllowlist: texts,
  imageMinimumGCAge: orDuration(minutes(2)),
  imageMaximumGCAge: z._default(duration, 0),
  imageGCHighThresholdPercent: z._default(percent, 85),
  imageGCLowThresholdPercent: z._default(percent, 80),
  containerLogMaxSize: orText('10Mi'),
  containerLogMaxFiles: z._default(integer.check(z.minimum(2)), 5),
  containerLogMaxWorkers: z._default(integer.check(z.minimum(1)), 1),
  containerLogMonitorInterval: z._default(duration, seconds(10)),
  podLogsDir: orText('/var/log/pods'),
  crashLoopBackOff: z.prefault(z.strictObject({maxContainerRestartPeriod: z.optional(duration)}), {}),
  seccompDefault: flag(false),
  allowedUnsafeSysctls: texts,
  userNamespaces: z.prefault(z.strictObject({idsPerPod: z._default(integer, 65_536)}), {}),
  volumePluginDir: orText('/usr/libexec/kubernetes/kubelet-plugins/volume/exec/'),
  volumeStatsAggPeriod: orDuration(minutes(1)),
  enableControllerAttachDetach: flag(true),
};

const network = {
  clusterDomain: text,
  clusterDNS: texts,
  resolvConf: z._default(z.string(), '/etc/resolv.conf'),
  hairpinMode: oneOf('promiscuous-bridge', 'hairpin-veth', 'none'),
  makeIPTablesUtilChains: flag(true),
  iptablesMasqueradeBit: z._default(integer.check(z.minimum(0), z.maximum(31)), 14),
  iptablesDropBit: z._default(integer.check(z.minimum(0), z.maximum(31)), 15),
};

const api = {
  eventRecordQPS: z._default(count, 50),
  eventBurst: orCount(100),
  kubeAPIQPS: z._default(count, 50),
  kubeAPIBurst: orCount(100),
  contentType: orText('application/vnd.kubernetes.protobuf'),
};

const logging = z.looseObject({
  format: orText('text'),
  verbosity: z._default(count, 0),
});

export const kubeletConfiguration = z.strictObject({
  apiVersion: z._default(z.literal('kubelet.config.k8s.io/v1beta1'), 'kubelet.config.k8s.io/v1beta1'),
  kind: z._default(z.literal('KubeletConfiguration'), 'KubeletConfiguration'),
  ...server,
  ...sources,
  ...node,
  ...eviction,
  ...cgroups,
  ...runtime,
  ...network,
  ...api,
  logging: z.prefault(logging, {}),
  tracing: z.optional(z.looseObject({})),
});

export type ParsedKubeletConfiguration = z.output<typeof kubeletConfiguration>;

/** Fields that hold milliseconds here and a Go duration on the wire, by their path. */
export const durationPaths: readonly (readonly string[])[] = [
  ...Object.entries(kubeletConfiguration.shape).flatMap(([name, schema]) => durationsOf(schema, [name])),
];

function durationsOf(schema: unknown, path: readonly string[]): (readonly string[])[] {
  if (schema === duration) return [path];
  if (!(schema instanceof z.ZodMiniType)) return [];
  const {def} = schema._zod;
  if ('innerType' in def) return durationsOf(def.innerType, path);
  if ('in' in def) return durationsOf(def.in, path);
  if ('shape' in def && typeof def.shape === 'object' && def.shape !== null)
    return Object.entries(def.shape).flatMap(([name, inner]) => durationsOf(inner, [...path, name]));
  return [];
}
