import {describe, expect, it} from 'vitest';
import {createMetrics, keepOnly} from '../../../src/proxy/health/metrics.ts';

const names = (metrics: ReturnType<typeof createMetrics>) =>
  metrics.registry.getMetricsAsArray().map(({name}) => name.replace('kubeproxy_', ''));

/** pkg/proxy/metrics/metrics.go, RegisterMetrics. */
const common = [
  'conntrack_reconciler_deleted_entries_total',
  'conntrack_reconciler_sync_duration_seconds',
  'network_programming_duration_seconds',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_start_time_seconds',
  'proxy_healthz_total',
  'proxy_livez_total',
  'sync_full_proxy_rules_duration_seconds',
  'sync_partial_proxy_rules_duration_seconds',
  'sync_proxy_rules_duration_seconds',
  'sync_proxy_rules_endpoint_changes_pending',
  'sync_proxy_rules_endpoint_changes_total',
  'sync_proxy_rules_last_queued_timestamp_seconds',
  'sync_proxy_rules_last_timestamp_seconds',
  'sync_proxy_rules_no_local_endpoints_total',
  'sync_proxy_rules_service_changes_pending',
  'sync_proxy_rules_service_changes_total',
];

describe('the metrics', () => {
  it.each([
    [
      'nftables',
      ['sync_proxy_rules_nftables_cleanup_failures_total', 'sync_proxy_rules_nftables_sync_failures_total'],
    ],
    [
      'iptables',
      [
        'iptables_ct_state_invalid_dropped_packets_total',
        'iptables_localhost_nodeports_accepted_packets_total',
        'sync_proxy_rules_iptables_last',
        'sync_proxy_rules_iptables_partial_restore_failures_total',
        'sync_proxy_rules_iptables_restore_failures_total',
        'sync_proxy_rules_iptables_total',
      ],
    ],
  ] as const)('of the %s mode are those that kube-proxy has in it', (mode, own) => {
    const metrics = createMetrics();
    keepOnly(mode, metrics);
    expect(names(metrics).sort()).toEqual([...common, ...own].sort());
  });

  it('add up what the rules of each family count when they are asked for, and keep it where nobody answers', async () => {
    const {invalidDropped, registry} = createMetrics();
    let six: () => Promise<number> = async () => 4;
    invalidDropped.read('IPv4', async () => 3);
    invalidDropped.read('IPv6', () => six());
    const shown = async () =>
      /^kubeproxy_iptables_ct_state_invalid_dropped_packets_total (\d+)$/m.exec(
        await registry.metrics(),
      )?.[1];
    expect(await shown()).toBe('7');
    invalidDropped.read('IPv4', async () => 5);
    six = async () => Promise.reject(new Error('locked'));
    expect(await shown()).toBe('9');
  });

  it('tell of the process as every program of Kubernetes does', async () => {
    const {registry} = createMetrics();
    const value = async (name: string) =>
      Number(
        /^\S+ (\S+)$/m.exec((await registry.getSingleMetricAsString(name)).replace(/^#.*\n/gm, ''))?.[1],
      );
    expect(await value('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(await value('process_start_time_seconds')).toBeLessThan(Date.now() / 1000);
    const before = await value('process_cpu_seconds_total');
    expect(before).toBeGreaterThan(0);
    expect(await value('process_cpu_seconds_total')).toBeLessThan(before * 2);
  });

  it('have the buckets of kube-proxy', async () => {
    const metrics = createMetrics();
    metrics.networkProgramming.observe({ip_family: 'IPv4'}, 0.4);
    const text = await metrics.registry.getSingleMetricAsString(
      'kubeproxy_network_programming_duration_seconds',
    );
    const buckets = [...text.matchAll(/le="([^"]+)",/g)].map(([, le]) => le);
    expect(buckets.slice(0, 5)).toEqual(['0', '0.25', '0.5', '1', '2']);
    expect(buckets.slice(-3)).toEqual(['270', '300', '+Inf']);
  });
});
