import {NodectlError} from '../../lib/errors.ts';

type Kind =
  | 'text'
  | 'number'
  | 'boolean'
  | 'list'
  /** `name=value,...` */
  | 'map'
  /** `name<value,...` (langle_separated_map_string_string.go) */
  | 'thresholds'
  /** `name:value,...`, a name may come again (colon_separated_multimap_string_string.go) */
  | 'headers'
  /** `node:name=amount,...;node:...` */
  | 'memory';

/** Flags that set one field of the configuration (cmd/kubelet/app/options, AddKubeletConfigFlags). */
export const fieldFlags: Readonly<Record<string, readonly [path: string, kind: Kind]>> = {
  address: ['address', 'text'],
  'allowed-unsafe-sysctls': ['allowedUnsafeSysctls', 'list'],
  'anonymous-auth': ['authentication.anonymous.enabled', 'boolean'],
  'authentication-token-webhook': ['authentication.webhook.enabled', 'boolean'],
  'authentication-token-webhook-cache-ttl': ['authentication.webhook.cacheTTL', 'text'],
  'authorization-mode': ['authorization.mode', 'text'],
  'authorization-webhook-cache-authorized-ttl': ['authorization.webhook.cacheAuthorizedTTL', 'text'],
  'authorization-webhook-cache-unauthorized-ttl': ['authorization.webhook.cacheUnauthorizedTTL', 'text'],
  'cgroup-driver': ['cgroupDriver', 'text'],
  'cgroup-root': ['cgroupRoot', 'text'],
  'cgroups-per-qos': ['cgroupsPerQOS', 'boolean'],
  'client-ca-file': ['authentication.x509.clientCAFile', 'text'],
  'cluster-dns': ['clusterDNS', 'list'],
  'cluster-domain': ['clusterDomain', 'text'],
  'container-log-max-files': ['containerLogMaxFiles', 'number'],
  'container-log-max-size': ['containerLogMaxSize', 'text'],
  'container-runtime-endpoint': ['containerRuntimeEndpoint', 'text'],
  'contention-profiling': ['enableContentionProfiling', 'boolean'],
  'cpu-cfs-quota': ['cpuCFSQuota', 'boolean'],
  'cpu-cfs-quota-period': ['cpuCFSQuotaPeriod', 'text'],
  'cpu-manager-policy': ['cpuManagerPolicy', 'text'],
  'cpu-manager-policy-options': ['cpuManagerPolicyOptions', 'map'],
  'cpu-manager-reconcile-period': ['cpuManagerReconcilePeriod', 'text'],
  'enable-controller-attach-detach': ['enableControllerAttachDetach', 'boolean'],
  'enable-debugging-handlers': ['enableDebuggingHandlers', 'boolean'],
  'enable-server': ['enableServer', 'boolean'],
  'enforce-node-allocatable': ['enforceNodeAllocatable', 'list'],
  'event-burst': ['eventBurst', 'number'],
  'event-qps': ['eventRecordQPS', 'number'],
  'eviction-hard': ['evictionHard', 'thresholds'],
  'eviction-max-pod-grace-period': ['evictionMaxPodGracePeriod', 'number'],
  'eviction-minimum-reclaim': ['evictionMinimumReclaim', 'map'],
  'eviction-pressure-transition-period': ['evictionPressureTransitionPeriod', 'text'],
  'eviction-soft': ['evictionSoft', 'thresholds'],
  'eviction-soft-grace-period': ['evictionSoftGracePeriod', 'map'],
  'fail-cgroupv1': ['failCgroupV1', 'boolean'],
  'fail-swap-on': ['failSwapOn', 'boolean'],
  'file-check-frequency': ['fileCheckFrequency', 'text'],
  'hairpin-mode': ['hairpinMode', 'text'],
  'healthz-bind-address': ['healthzBindAddress', 'text'],
  'healthz-port': ['healthzPort', 'number'],
  'http-check-frequency': ['httpCheckFrequency', 'text'],
  'image-gc-high-threshold': ['imageGCHighThresholdPercent', 'number'],
  'image-gc-low-threshold': ['imageGCLowThresholdPercent', 'number'],
  'image-service-endpoint': ['imageServiceEndpoint', 'text'],
  'kernel-memcg-notification': ['kernelMemcgNotification', 'boolean'],
  'kube-api-burst': ['kubeAPIBurst', 'number'],
  'kube-api-content-type': ['contentType', 'text'],
  'kube-api-qps': ['kubeAPIQPS', 'number'],
  'kube-reserved': ['kubeReserved', 'map'],
  'kube-reserved-cgroup': ['kubeReservedCgroup', 'text'],
  'kubelet-cgroups': ['kubeletCgroups', 'text'],
  'local-storage-capacity-isolation': ['localStorageCapacityIsolation', 'boolean'],
  'logging-format': ['logging.format', 'text'],
  'make-iptables-util-chains': ['makeIPTablesUtilChains', 'boolean'],
  'manifest-url': ['staticPodURL', 'text'],
  'manifest-url-header': ['staticPodURLHeader', 'headers'],
  'max-open-files': ['maxOpenFiles', 'number'],
  'max-pods': ['maxPods', 'number'],
  'memory-manager-policy': ['memoryManagerPolicy', 'text'],
  'minimum-image-ttl-duration': ['imageMinimumGCAge', 'text'],
  'node-status-max-images': ['nodeStatusMaxImages', 'number'],
  'node-status-update-frequency': ['nodeStatusUpdateFrequency', 'text'],
  'oom-score-adj': ['oomScoreAdj', 'number'],
  'pod-cidr': ['podCIDR', 'text'],
  'pod-logs-dir': ['podLogsDir', 'text'],
  'pod-manifest-path': ['staticPodPath', 'text'],
  'pod-max-pids': ['podPidsLimit', 'number'],
  'pods-per-core': ['podsPerCore', 'number'],
  port: ['port', 'number'],
  'protect-kernel-defaults': ['protectKernelDefaults', 'boolean'],
  'provider-id': ['providerID', 'text'],
  'qos-reserved': ['qosReserved', 'map'],
  'read-only-port': ['readOnlyPort', 'number'],
  'register-node': ['registerNode', 'boolean'],
  'registry-burst': ['registryBurst', 'number'],
  'registry-qps': ['registryPullQPS', 'number'],
  'reserved-cpus': ['reservedSystemCPUs', 'text'],
  'reserved-memory': ['reservedMemory', 'memory'],
  'resolv-conf': ['resolvConf', 'text'],
  'rotate-certificates': ['rotateCertificates', 'boolean'],
  'rotate-server-certificates': ['serverTLSBootstrap', 'boolean'],
  runonce: ['runOnce', 'boolean'],
  'runtime-request-timeout': ['runtimeRequestTimeout', 'text'],
  'seccomp-default': ['seccompDefault', 'boolean'],
  'serialize-image-pulls': ['serializeImagePulls', 'boolean'],
  'streaming-connection-idle-timeout': ['streamingConnectionIdleTimeout', 'text'],
  'sync-frequency': ['syncFrequency', 'text'],
  'system-cgroups': ['systemCgroups', 'text'],
  'system-reserved': ['systemReserved', 'map'],
  'system-reserved-cgroup': ['systemReservedCgroup', 'text'],
  'tls-cert-file': ['tlsCertFile', 'text'],
  'tls-cipher-suites': ['tlsCipherSuites', 'list'],
  'tls-min-version': ['tlsMinVersion', 'text'],
  'tls-private-key-file': ['tlsPrivateKeyFile', 'text'],
  'topology-manager-policy': ['topologyManagerPolicy', 'text'],
  'topology-manager-policy-options': ['topologyManagerPolicyOptions', 'map'],
  'topology-manager-scope': ['topologyManagerScope', 'text'],
  'volume-plugin-dir': ['volumePluginDir', 'text'],
  'volume-stats-agg-period': ['volumeStatsAggPeriod', 'text'],
};

/** Flags of parts that nodectl does otherwise (cAdvisor, klog); given ones are told and nothing more. */
export const idleFlags: readonly string[] = [
  ...[
    'application-metrics-count-limit',
    'boot-id-file',
    'container-hints',
    'containerd',
    'containerd-namespace',
  ],
  ...['event-storage-age-limit', 'event-storage-event-limit', 'global-housekeeping-interval'],
  ...['housekeeping-interval', 'machine-id-file', 'max-housekeeping-interval'],
  ...['maximum-dead-containers', 'maximum-dead-containers-per-container', 'minimum-container-ttl-duration'],
  ...['log-flush-frequency', 'log-json-info-buffer-size', 'log-text-info-buffer-size', 'vmodule'],
  ...['pod-infra-container-image', 'storage-driver-buffer-duration', 'storage-driver-db'],
  ...['storage-driver-host', 'storage-driver-password', 'storage-driver-table', 'storage-driver-user'],
];
export const idleBooleans: readonly string[] = [
  ...['enable-load-reader', 'experimental-allocatable-ignore-eviction', 'log-cadvisor-usage'],
  ...['log-json-split-stream', 'log-text-split-stream', 'storage-driver-secure'],
];

/** Flags that may come without a value in Go. */
export const booleanFlags: readonly string[] = [
  ...Object.entries(fieldFlags).flatMap(([name, [, kind]]) => (kind === 'boolean' ? [name] : [])),
  ...idleBooleans,
];
const separators: Readonly<Record<Kind, string>> = {
  text: '',
  number: '',
  boolean: '',
  list: ',',
  map: ',',
  thresholds: ',',
  headers: ',',
  memory: ';',
};

/** What stands between the values of a flag that is given again; '' where the last one counts. */
export function separatorOf(name: string): string {
  if (name === 'node-labels' || name === 'feature-gates') return ',';
  return separators[fieldFlags[name]?.[1] ?? 'text'];
}

/** Typed flags in the shape of the file; each takes the place of what the file has for its field. */
export function fieldOverrides(typed: Readonly<Record<string, string>>): Record<string, unknown> {
  const overrides: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(typed)) {
    const [path, kind] = fieldFlags[name] ?? ['', 'text'];
    if (path !== '') put(overrides, path.split('.'), parse(`--${name}`, value, kind));
  }
  return overrides;
}

function put(
  target: Record<string, unknown>,
  [first = '', ...rest]: readonly string[],
  value: unknown,
): void {
  if (rest.length === 0) {
    target[first] = value;
    return;
  }
  const inner = target[first];
  const next: Record<string, unknown> = isObject(inner) ? inner : {};
  target[first] = next;
  put(next, rest, value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function parse(flag: string, text: string, kind: Kind): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'number':
      if (/^-?\d+$/.test(text)) return Number(text);
      throw badFlag(flag, text, 'a number');
    case 'boolean':
      if (/^(1|t|true)$/i.test(text)) return true;
      if (/^(0|f|false)$/i.test(text)) return false;
      throw badFlag(flag, text, 'true or false');
    case 'list':
      return parts(text, ',');
    case 'map':
      return Object.fromEntries(pairs(flag, text, '='));
    case 'thresholds':
      return Object.fromEntries(pairs(flag, text, '<'));
    case 'headers':
      return gather(pairs(flag, text, ':'));
    case 'memory':
      return parts(text, ';').map((part) => reserved(flag, part));
    default:
      return kind satisfies never;
  }
}

function parts(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function pairs(flag: string, text: string, sign: string): [string, string][] {
  return parts(text, ',').map((part) => {
    const at = part.indexOf(sign);
    if (at < 1) throw badFlag(flag, part, `name${sign}value`);
    return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
  });
}

function gather(given: readonly [string, string][]): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const [name, value] of given) headers[name] = [...(headers[name] ?? []), value];
  return headers;
}

function reserved(flag: string, part: string): {numaNode: number; limits: Record<string, string>} {
  const match = /^(\d+):(.+)$/.exec(part);
  if (match === null) throw badFlag(flag, part, 'node:name=amount,...');
  return {numaNode: Number(match[1]), limits: Object.fromEntries(pairs(flag, match[2] ?? '', '='))};
}

export function badFlag(flag: string, value: string, form: string): NodectlError {
  return new NodectlError('ND904', `${flag}: ${JSON.stringify(value)} is not ${form}`);
}
