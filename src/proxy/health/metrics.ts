import {Counter, Gauge, Histogram, Registry} from 'prom-client';
import type {Family} from '../../lib/addresses.ts';
import type {ProxyMode} from '../plane/mode.ts';
import {processMetrics} from './process-metrics.ts';

/** kube-proxy's own metrics by name and label (pkg/proxy/metrics/metrics.go): dashboards keep working. */
export type ProxyMetrics = ReturnType<typeof createMetrics>;

const family = ['ip_family'] as const;
const syncBuckets = Array.from({length: 15}, (_, i) => 0.001 * 2 ** i);
const range = (from: number, step: number, count: number) =>
  Array.from({length: count}, (_, i) => from + i * step);
/** The first one is kube-proxy's too: `MergeBuckets` begins with it. */
const programmingBuckets = [
  0,
  ...range(0.25, 0.25, 2),
  ...range(1, 1, 59),
  ...range(60, 5, 12),
  ...range(120, 30, 7),
];

export function createMetrics() {
  const registry = new Registry();
  const make = makers(registry);
  processMetrics(registry);
  return {
    registry,
    ...syncMetrics(make),
    ...otherMetrics(make),
    ...iptablesMetrics(make),
    ...kernelMetrics(registry),
  };
}

/** Leaves out what kube-proxy does not have in this mode (RegisterMetrics). */
export function keepOnly(mode: ProxyMode, {registry}: ProxyMetrics): void {
  const other = mode === 'nftables' ? 'iptables' : 'nftables';
  for (const {name} of registry.getMetricsAsArray())
    if (name.startsWith(`kubeproxy_sync_proxy_rules_${other}_`) || name.startsWith(`kubeproxy_${other}_`))
      registry.removeSingleMetric(name);
}

type Makers = ReturnType<typeof makers>;

function makers(registry: Registry) {
  const common = (name: string, help: string) => ({name: `kubeproxy_${name}`, help, registers: [registry]});
  return {
    counter: <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
      new Counter({...common(name, help), labelNames}),
    gauge: <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
      new Gauge({...common(name, help), labelNames}),
    seconds: (name: string, help: string, buckets = syncBuckets) =>
      new Histogram({...common(`${name}_seconds`, help), labelNames: family, buckets}),
  };
}

function syncMetrics({gauge, seconds}: Makers) {
  return {
    sync: seconds('sync_proxy_rules_duration', 'SyncProxyRules latency in seconds'),
    fullSync: seconds('sync_full_proxy_rules_duration', 'SyncProxyRules latency in seconds for full resyncs'),
    partialSync: seconds(
      'sync_partial_proxy_rules_duration',
      'SyncProxyRules latency in seconds for partial resyncs',
    ),
    lastSync: gauge(
      'sync_proxy_rules_last_timestamp_seconds',
      'The last time proxy rules were successfully synced',
      family,
    ),
    lastQueued: gauge(
      'sync_proxy_rules_last_queued_timestamp_seconds',
      'The last time a sync of proxy rules was queued',
      family,
    ),
    networkProgramming: seconds(
      'network_programming_duration',
      'In Cluster Network Programming Latency in seconds',
      programmingBuckets,
    ),
  };
}

function otherMetrics({counter, gauge, seconds}: Makers) {
  return {
    endpointChangesPending: gauge(
      'sync_proxy_rules_endpoint_changes_pending',
      'Pending proxy rules Endpoint changes',
      [],
    ),
    endpointChanges: counter(
      'sync_proxy_rules_endpoint_changes_total',
      'Cumulative proxy rules Endpoint changes',
      [],
    ),
    serviceChangesPending: gauge(
      'sync_proxy_rules_service_changes_pending',
      'Pending proxy rules Service changes',
      [],
    ),
    serviceChanges: counter(
      'sync_proxy_rules_service_changes_total',
      'Cumulative proxy rules Service changes',
      [],
    ),
    noLocalEndpoints: gauge(
      'sync_proxy_rules_no_local_endpoints_total',
      'Number of services with a Local traffic policy and no endpoints',
      ['traffic_policy', 'ip_family'] as const,
    ),
    syncFailures: counter(
      'sync_proxy_rules_nftables_sync_failures_total',
      'Cumulative proxy nftables sync failures',
      family,
    ),
    cleanupFailures: counter(
      'sync_proxy_rules_nftables_cleanup_failures_total',
      'Cumulative proxy nftables cleanup failures',
      family,
    ),
    conntrackDuration: seconds(
      'conntrack_reconciler_sync_duration',
      'ReconcileConntrackFlowsLatency latency in seconds',
    ),
    conntrackDeleted: counter(
      'conntrack_reconciler_deleted_entries_total',
      'Cumulative conntrack flows deleted by conntrack reconciler',
      family,
    ),
    healthz: counter('proxy_healthz_total', 'Cumulative proxy healthz HTTP status', ['code'] as const),
    livez: counter('proxy_livez_total', 'Cumulative proxy livez HTTP status', ['code'] as const),
  };
}

function iptablesMetrics({counter, gauge}: Makers) {
  return {
    restoreFailures: counter(
      'sync_proxy_rules_iptables_restore_failures_total',
      'Cumulative proxy iptables restore failures',
      family,
    ),
    partialRestoreFailures: counter(
      'sync_proxy_rules_iptables_partial_restore_failures_total',
      'Cumulative proxy iptables partial restore failures',
      family,
    ),
    iptablesRules: gauge(
      'sync_proxy_rules_iptables_total',
      'Total number of iptables rules owned by kube-proxy',
      ['table', 'ip_family'] as const,
    ),
    iptablesLast: gauge(
      'sync_proxy_rules_iptables_last',
      'Number of iptables rules written by kube-proxy in last sync',
      ['table', 'ip_family'] as const,
    ),
  };
}

function kernelMetrics(registry: Registry) {
  return {
    invalidDropped: kernelCounter(registry, {
      name: 'kubeproxy_iptables_ct_state_invalid_dropped_packets_total',
      help: 'packets dropped by iptables to work around conntrack problems',
    }),
    loopbackAccepted: kernelCounter(registry, {
      name: 'kubeproxy_iptables_localhost_nodeports_accepted_packets_total',
      help: 'Number of packets accepted on nodeports of loopback interface',
    }),
  };
}

/** What the kernel counts for each family, read when somebody asks; where it does not answer, what it said last. */
function kernelCounter(registry: Registry, about: {readonly name: string; readonly help: string}) {
  const readers = new Map<Family, () => Promise<number>>();
  const known = new Map<Family, number>();
  const counter = new Counter({
    ...about,
    registers: [registry],
    async collect() {
      for (const [family, read] of readers)
        known.set(family, await read().catch(() => known.get(family) ?? 0));
      this.reset();
      this.inc([...known.values()].reduce((sum, packets) => sum + packets, 0));
    },
  });
  return {counter, read: (family: Family, from: () => Promise<number>) => readers.set(family, from)};
}
