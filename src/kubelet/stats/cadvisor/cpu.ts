import type {CpuSample} from '../../../edges/cgroups/cgroup-sample.ts';
import {type CadvisorMetric, counter, just, type Read, sampleOf} from './metric.ts';

const perSecond = 1e9;
const ofCpu =
  (read: (cpu: CpuSample) => number | undefined): Read =>
  (subject) => {
    const {cpu} = sampleOf(subject);
    return cpu === undefined ? [] : just(read(cpu));
  };
const seconds = (nanoseconds: number | undefined): number | undefined =>
  nanoseconds === undefined ? undefined : nanoseconds / perSecond;

export const cpu: readonly CadvisorMetric[] = [
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
      ['container_cpu_cfs_burst_periods_total', 'Number of periods when burst occurs.', (c) => c.bursts],
      [
        'container_cpu_cfs_burst_seconds_total',
        'Total time duration the container has been bursted.',
        (c) => seconds(c.burstNs),
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
