/** Flags that set fields of the configuration, which need no value in Go (cmd/kube-proxy/app/options.go). */
const switches = [
  'bind-address-hard-fail',
  'conntrack-tcp-be-liberal',
  'iptables-localhost-nodeports',
  'ipvs-strict-arp',
  'masquerade-all',
  'profiling',
] as const;

const valued = [
  'config-sync-period',
  'conntrack-tcp-timeout-close-wait',
  'conntrack-tcp-timeout-established',
  'conntrack-udp-timeout',
  'conntrack-udp-timeout-stream',
  'feature-gates',
  'iptables-masquerade-bit',
  'iptables-min-sync-period',
  'iptables-sync-period',
  'ipvs-exclude-cidrs',
  'ipvs-min-sync-period',
  'ipvs-scheduler',
  'ipvs-sync-period',
  'ipvs-tcp-timeout',
  'ipvs-tcpfin-timeout',
  'ipvs-udp-timeout',
  'kube-api-burst',
  'kube-api-content-type',
  'kube-api-qps',
  'logging-format',
  'oom-score-adj',
  'show-hidden-metrics-for-version',
] as const;

export const proxyFieldFlags = [...switches, ...valued] as const;
export type ProxyFieldFlag = (typeof proxyFieldFlags)[number];

/** Flags of parts that nodectl does otherwise (cAdvisor's, klog's); given ones are told and nothing more. */
export const idleProxyFlags: readonly string[] = [
  ...['boot-id-file', 'machine-id-file', 'log-flush-frequency', 'log-json-info-buffer-size'],
  ...['log-json-split-stream', 'log-text-info-buffer-size', 'log-text-split-stream', 'vmodule'],
];

const others = ['cleanup', 'init-only', 'log-json-split-stream', 'log-text-split-stream'];
const lists = ['feature-gates', 'ipvs-exclude-cidrs', 'nodeport-addresses'];

/** How kube-proxy's flags are read: which need no value, and which add up when they are given again. */
export const proxyFlagRules = {
  isBoolean: (name: string) => [...switches, ...others].includes(name),
  separatorOf: (name: string) => (lists.includes(name) ? ',' : ''),
};
