type Family = readonly [type: 'counter' | 'gauge', extraLabels?: string];

const device = 'device';
const network = (what: string): Record<string, Family> =>
  Object.fromEntries(
    ['bytes', 'errors', 'packets', 'packets_dropped'].map((of) => [
      `container_network_${what}_${of}_total`,
      ['counter', 'interface'] as const,
    ]),
  );

/**
 * Families of cAdvisor 0.56 with the metric sets that the kubelet 1.36 turns on: types, and the labels beside the
 * kubelet's own six. Those that only ever say 0 there (load averages, tasks by state) are left out.
 */
export const cadvisorFamilies: Readonly<Record<string, Family>> = {
  cadvisor_version_info: ['gauge'],
  container_blkio_device_usage_total: ['counter', 'device,major,minor,operation'],
  container_cpu_cfs_burst_periods_total: ['counter'],
  container_cpu_cfs_burst_seconds_total: ['counter'],
  container_cpu_cfs_periods_total: ['counter'],
  container_cpu_cfs_throttled_periods_total: ['counter'],
  container_cpu_cfs_throttled_seconds_total: ['counter'],
  container_cpu_system_seconds_total: ['counter'],
  container_cpu_usage_seconds_total: ['counter', 'cpu'],
  container_cpu_user_seconds_total: ['counter'],
  container_file_descriptors: ['gauge'],
  container_fs_inodes_free: ['gauge', device],
  container_fs_inodes_total: ['gauge', device],
  container_fs_io_current: ['gauge', device],
  container_fs_io_time_seconds_total: ['counter', device],
  container_fs_io_time_weighted_seconds_total: ['counter', device],
  container_fs_limit_bytes: ['gauge', device],
  container_fs_read_seconds_total: ['counter', device],
  container_fs_reads_bytes_total: ['counter', device],
  container_fs_reads_merged_total: ['counter', device],
  container_fs_reads_total: ['counter', device],
  container_fs_sector_reads_total: ['counter', device],
  container_fs_sector_writes_total: ['counter', device],
  container_fs_usage_bytes: ['gauge', device],
  container_fs_write_seconds_total: ['counter', device],
  container_fs_writes_bytes_total: ['counter', device],
  container_fs_writes_merged_total: ['counter', device],
  container_fs_writes_total: ['counter', device],
  container_last_seen: ['gauge'],
  container_memory_cache: ['gauge'],
  container_memory_failcnt: ['counter'],
  container_memory_failures_total: ['counter', 'failure_type,scope'],
  container_memory_kernel_usage: ['gauge'],
  container_memory_mapped_file: ['gauge'],
  container_memory_max_usage_bytes: ['gauge'],
  container_memory_rss: ['gauge'],
  container_memory_swap: ['gauge'],
  container_memory_total_active_file_bytes: ['gauge'],
  container_memory_total_inactive_file_bytes: ['gauge'],
  container_memory_usage_bytes: ['gauge'],
  container_memory_working_set_bytes: ['gauge'],
  ...network('receive'),
  ...network('transmit'),
  container_oom_events_total: ['counter'],
  container_pressure_cpu_stalled_seconds_total: ['counter'],
  container_pressure_cpu_waiting_seconds_total: ['counter'],
  container_pressure_io_stalled_seconds_total: ['counter'],
  container_pressure_io_waiting_seconds_total: ['counter'],
  container_pressure_memory_stalled_seconds_total: ['counter'],
  container_pressure_memory_waiting_seconds_total: ['counter'],
  container_processes: ['gauge'],
  container_scrape_error: ['gauge'],
  container_sockets: ['gauge'],
  container_spec_cpu_period: ['gauge'],
  container_spec_cpu_quota: ['gauge'],
  container_spec_cpu_shares: ['gauge'],
  container_spec_memory_limit_bytes: ['gauge'],
  container_spec_memory_reservation_limit_bytes: ['gauge'],
  container_spec_memory_swap_limit_bytes: ['gauge'],
  container_start_time_seconds: ['gauge'],
  container_threads: ['gauge'],
  container_threads_max: ['gauge'],
  container_ulimits_soft: ['gauge', 'ulimit'],
  machine_cpu_cores: ['gauge'],
  machine_memory_bytes: ['gauge'],
  machine_scrape_error: ['gauge'],
  machine_swap_bytes: ['gauge'],
};

/**
 * Those that a kernel may not have: PSI, CPU bursts, throttling without a quota, block devices that did nothing or lie
 * below no file system of the node's.
 */
export const maybeAbsent = /pressure|burst|blkio|container_fs_(read|write|sector|io)/;

/** Of `/metrics`: what the kubelet's dashboards and alerts ask for, with their labels. */
export const kubeletFamilies: Readonly<Record<string, string>> = {
  kubelet_certificate_manager_client_expiration_renew_errors: '',
  kubelet_certificate_manager_client_ttl_seconds: '',
  kubelet_certificate_manager_server_ttl_seconds: '',
  kubelet_cgroup_manager_duration_seconds: 'le,operation_type',
  kubelet_cgroup_version: '',
  kubelet_containers_per_pod_count: 'le',
  kubelet_graceful_shutdown_start_time_seconds: '',
  kubelet_managed_ephemeral_containers: '',
  kubelet_mirror_pods: '',
  kubelet_node_name: 'node',
  kubelet_node_startup_duration_seconds: '',
  kubelet_node_startup_registration_duration_seconds: '',
  kubelet_pleg_last_seen_seconds: '',
  kubelet_pleg_relist_duration_seconds: 'le',
  kubelet_pleg_relist_interval_seconds: 'le',
  kubelet_pod_start_sli_duration_seconds: 'le',
  kubelet_running_containers: 'container_state',
  kubelet_running_pods: '',
  kubelet_runtime_operations_duration_seconds: 'le,operation_type',
  kubelet_runtime_operations_total: 'operation_type',
  kubelet_server_expiration_renew_errors: '',
  kubelet_started_containers_total: 'container_type',
  kubernetes_build_info: 'git_version,major,minor',
  process_cpu_seconds_total: '',
  process_open_fds: '',
  process_resident_memory_bytes: '',
  process_start_time_seconds: '',
  rest_client_request_duration_seconds: 'host,le,verb',
  rest_client_requests_total: 'code,host,method',
};
