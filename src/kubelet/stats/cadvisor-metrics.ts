import {blockDeviceName} from '../../edges/block-devices.ts';
import type {
  CgroupSample,
  CpuSample,
  IoSample,
  LimitsSample,
  MemorySample,
  PressureResource,
} from '../../edges/cgroup-sample.ts';
import {pressureResources} from '../../edges/cgroup-sample.ts';
import type {NetworkSample} from '../../edges/network-sample.ts';
import {labelText} from './exposition.ts';
import type {Subject} from './types.ts';

type Value = {readonly value: number; readonly labels?: string};

/** One family of cAdvisor's (metrics/prometheus.go), and what a cgroup has to tell in it. */
export type CadvisorMetric = {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Lines carry the instant of the reading. */
  readonly stamped: boolean;
  readonly read: (subject: Subject) => readonly Value[];
};

type Read = CadvisorMetric['read'];

const perSecond = 1e9;
const just = (value: number | undefined): Value[] => (value === undefined ? [] : [{value}]);
const counter = (name: string, help: string, read: Read): CadvisorMetric => ({
  name,
  help,
  type: 'counter',
  stamped: true,
  read,
});
const gauge = (name: string, help: string, read: Read): CadvisorMetric => ({
  ...counter(name, help, read),
  type: 'gauge',
});
const spec = (name: string, help: string, read: Read): CadvisorMetric => ({
  ...gauge(name, help, read),
  stamped: false,
});

const sampleOf = ({measured}: Subject): CgroupSample => measured.sample;
const ofCpu =
  (read: (cpu: CpuSample) => number | undefined): Read =>
  (subject) => {
    const {cpu} = sampleOf(subject);
    return cpu === undefined ? [] : just(read(cpu));
  };
const seconds = (nanoseconds: number | undefined): number | undefined =>
  nanoseconds === undefined ? undefined : nanoseconds / perSecond;

const cpu: readonly CadvisorMetric[] = [
  // The kernel counts periods for every cgroup; they mean something where there is a quota.
  ...(
    [
      [
        'container_cpu_cfs_periods_total',
        'Number of elapsed enforcement period intervals.',
        (c) => c.periods,
      ],
      [
        'container_cpu_cfs_throttled_periods_total',
        'Number of throttled period intervals.',
        (c) => c.throttledPeriods,
      ],
      [
        'container_cpu_cfs_throttled_seconds_total',
        'Total time duration the container has been throttled.',
        (c) => seconds(c.throttledNs),
      ],
    ] as const satisfies readonly [string, string, (cpu: CpuSample) => number | undefined][]
  ).map(([name, help, read]) =>
    counter(name, help, (subject) =>
      sampleOf(subject).limits.cpuQuota === undefined ? [] : ofCpu(read)(subject),
    ),
  ),
  counter(
    'container_cpu_system_seconds_total',
    'Cumulative system cpu time consumed in seconds.',
    ofCpu((c) => seconds(c.systemNs)),
  ),
  counter('container_cpu_usage_seconds_total', 'Cumulative cpu time consumed in seconds.', (subject) => {
    const used = sampleOf(subject).cpu?.usageNs;
    return used === undefined ? [] : [{value: used / perSecond, labels: 'cpu="total"'}];
  }),
  counter(
    'container_cpu_user_seconds_total',
    'Cumulative user cpu time consumed in seconds.',
    ofCpu((c) => seconds(c.userNs)),
  ),
];

const ofMemory =
  (read: (memory: MemorySample) => number | undefined): Read =>
  (subject) => {
    const {memory} = sampleOf(subject);
    return memory === undefined ? [] : just(read(memory));
  };

const memory: readonly CadvisorMetric[] = [
  gauge(
    'container_memory_cache',
    'Number of bytes of page cache memory.',
    ofMemory((m) => m.cacheBytes),
  ),
  counter(
    'container_memory_failcnt',
    'Number of memory usage hits limits',
    ofMemory((m) => m.failures),
  ),
  counter('container_memory_failures_total', 'Cumulative count of memory allocation failures.', (subject) => {
    const found = sampleOf(subject).memory;
    if (found === undefined) return [];
    return ['container', 'hierarchy'].flatMap((scope) => [
      {value: found.pageFaults, labels: `failure_type="pgfault",scope="${scope}"`},
      {value: found.majorPageFaults, labels: `failure_type="pgmajfault",scope="${scope}"`},
    ]);
  }),
  gauge(
    'container_memory_kernel_usage',
    'Size of kernel memory allocated in bytes.',
    ofMemory((m) => m.kernelBytes),
  ),
  gauge(
    'container_memory_mapped_file',
    'Size of memory mapped files in bytes.',
    ofMemory((m) => m.mappedFileBytes),
  ),
  gauge(
    'container_memory_max_usage_bytes',
    'Maximum memory usage recorded in bytes',
    ofMemory((m) => m.maxUsageBytes),
  ),
  gauge(
    'container_memory_rss',
    'Size of RSS in bytes.',
    ofMemory((m) => m.rssBytes),
  ),
  gauge(
    'container_memory_swap',
    'Container swap usage in bytes.',
    ofMemory((m) => m.swapBytes),
  ),
  gauge(
    'container_memory_total_active_file_bytes',
    'Current total active file in bytes.',
    ofMemory((m) => m.activeFileBytes),
  ),
  gauge(
    'container_memory_total_inactive_file_bytes',
    'Current total inactive file in bytes.',
    ofMemory((m) => m.inactiveFileBytes),
  ),
  gauge(
    'container_memory_usage_bytes',
    'Current memory usage in bytes, including all memory regardless of when it was accessed',
    ofMemory((m) => m.usageBytes),
  ),
  gauge(
    'container_memory_working_set_bytes',
    'Current working set in bytes.',
    ofMemory((m) => m.workingSetBytes),
  ),
  counter(
    'container_oom_events_total',
    'Count of out of memory events observed for the container',
    ofMemory((m) => m.oomKills ?? 0),
  ),
];

const onDisk =
  (read: (disk: NonNullable<Subject['disk']>) => number): Read =>
  ({disk}) =>
    disk === undefined ? [] : [{value: read(disk), labels: labelText({device: disk.space.device})}];
const ofIo =
  (read: (io: IoSample) => number): Read =>
  (subject) =>
    sampleOf(subject).io.map((io) => ({
      value: read(io),
      labels: labelText({device: blockDeviceName(io.device)}),
    }));

const files: readonly CadvisorMetric[] = [
  counter('container_blkio_device_usage_total', 'Blkio Device bytes usage', (subject) =>
    sampleOf(subject).io.flatMap(({device, readBytes, writeBytes}) => {
      const [major = '', minor = ''] = device.split(':');
      const base = {device: blockDeviceName(device), major, minor};
      return [
        {value: readBytes, labels: labelText({...base, operation: 'Read'})},
        {value: writeBytes, labels: labelText({...base, operation: 'Write'})},
      ];
    }),
  ),
  gauge(
    'container_fs_inodes_free',
    'Number of available Inodes',
    onDisk(({space}) => space.inodesFree),
  ),
  gauge(
    'container_fs_inodes_total',
    'Number of Inodes',
    onDisk(({space}) => space.inodes),
  ),
  gauge(
    'container_fs_limit_bytes',
    'Number of bytes that can be consumed by the container on this filesystem.',
    onDisk(({space}) => space.capacityBytes),
  ),
  counter(
    'container_fs_reads_bytes_total',
    'Cumulative count of bytes read',
    ofIo((io) => io.readBytes),
  ),
  counter(
    'container_fs_reads_total',
    'Cumulative count of reads completed',
    ofIo((io) => io.reads),
  ),
  gauge(
    'container_fs_usage_bytes',
    'Number of bytes that are consumed by the container on this filesystem.',
    onDisk(({used}) => used.usedBytes),
  ),
  counter(
    'container_fs_writes_bytes_total',
    'Cumulative count of bytes written',
    ofIo((io) => io.writeBytes),
  ),
  counter(
    'container_fs_writes_total',
    'Cumulative count of writes completed',
    ofIo((io) => io.writes),
  ),
];

const ofNetwork =
  (read: (network: NetworkSample) => number): Read =>
  ({network = []}) =>
    network.map((sample) => ({value: read(sample), labels: labelText({interface: sample.name})}));

const network: readonly CadvisorMetric[] = [
  ['receive_bytes', 'bytes received', (n: NetworkSample) => n.rxBytes] as const,
  ['receive_errors', 'errors encountered while receiving', (n: NetworkSample) => n.rxErrors] as const,
  ['receive_packets_dropped', 'packets dropped while receiving', (n: NetworkSample) => n.rxDropped] as const,
  ['receive_packets', 'packets received', (n: NetworkSample) => n.rxPackets] as const,
  ['transmit_bytes', 'bytes transmitted', (n: NetworkSample) => n.txBytes] as const,
  ['transmit_errors', 'errors encountered while transmitting', (n: NetworkSample) => n.txErrors] as const,
  [
    'transmit_packets_dropped',
    'packets dropped while transmitting',
    (n: NetworkSample) => n.txDropped,
  ] as const,
  ['transmit_packets', 'packets transmitted', (n: NetworkSample) => n.txPackets] as const,
].map(([name, what, read]) =>
  counter(`container_network_${name}_total`, `Cumulative count of ${what}`, ofNetwork(read)),
);

const ofPressure =
  (resource: PressureResource, which: 'some' | 'full'): Read =>
  (subject) => {
    const us = sampleOf(subject).pressure?.[resource]?.[which].totalUs;
    return just(us === undefined ? undefined : us / 1e6);
  };

const pressure: readonly CadvisorMetric[] = pressureResources.flatMap((resource) => {
  const name = resource === 'cpu' ? 'CPU' : resource === 'io' ? 'IO' : 'memory';
  return [
    counter(
      `container_pressure_${resource}_stalled_seconds_total`,
      `Total time duration no tasks in the container could make progress due to ${name} congestion.`,
      ofPressure(resource, 'full'),
    ),
    counter(
      `container_pressure_${resource}_waiting_seconds_total`,
      `Total time duration tasks in the container have waited due to ${name} congestion.`,
      ofPressure(resource, 'some'),
    ),
  ];
});

const ofLimits =
  (read: (limits: LimitsSample) => number | undefined): Read =>
  (subject) =>
    just(read(sampleOf(subject).limits));

const others: readonly CadvisorMetric[] = [
  gauge('container_last_seen', 'Last time a container was seen by the exporter', ({measured}) =>
    just(Math.floor(measured.timeMs / 1000)),
  ),
  gauge('container_processes', 'Number of processes running inside the container.', ({processes}) =>
    just(processes),
  ),
  gauge('container_threads', 'Number of threads running inside the container', (subject) =>
    just(sampleOf(subject).pids?.current),
  ),
  gauge(
    'container_threads_max',
    'Maximum number of threads allowed inside the container, infinity if value is zero',
    (subject) => {
      const {pids} = sampleOf(subject);
      return pids === undefined ? [] : just(pids.limit ?? 0);
    },
  ),
  spec(
    'container_spec_cpu_period',
    'CPU period of the container.',
    ofLimits((l) => l.cpuPeriod),
  ),
  spec(
    'container_spec_cpu_quota',
    'CPU quota of the container.',
    ofLimits((l) => l.cpuQuota),
  ),
  spec(
    'container_spec_cpu_shares',
    'CPU share of the container.',
    ofLimits((l) => l.cpuShares),
  ),
  spec(
    'container_spec_memory_limit_bytes',
    'Memory limit for the container.',
    ofLimits((l) => l.memoryBytes ?? 0),
  ),
  spec(
    'container_spec_memory_reservation_limit_bytes',
    'Memory reservation limit for the container.',
    ofLimits((l) => l.memoryReservationBytes ?? 0),
  ),
  spec(
    'container_spec_memory_swap_limit_bytes',
    'Memory swap limit for the container.',
    ofLimits((l) => l.swapBytes ?? 0),
  ),
  spec(
    'container_start_time_seconds',
    'Start time of the container since unix epoch in seconds.',
    ({startedAtMs}) => just(startedAtMs / 1000),
  ),
];

export const cadvisorMetrics: readonly CadvisorMetric[] = [
  ...cpu,
  ...memory,
  ...files,
  ...network,
  ...pressure,
  ...others,
];
