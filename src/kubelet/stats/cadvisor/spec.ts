import type {LimitsSample} from '../../../edges/cgroups/cgroup-sample.ts';
import {labelText} from '../metrics/exposition.ts';
import {type CadvisorMetric, gauge, just, type Read, sampleOf, spec} from './metric.ts';

const ofLimits =
  (read: (limits: LimitsSample) => number | undefined): Read =>
  (subject) =>
    just(read(sampleOf(subject).limits));

export const others: readonly CadvisorMetric[] = [
  gauge('container_last_seen', 'Last time a container was seen by the exporter', ({measured}) =>
    just(Math.floor(measured.timeMs / 1000)),
  ),
  gauge('container_processes', 'Number of processes running inside the container.', ({processes}) =>
    just(processes),
  ),
  gauge('container_file_descriptors', 'Number of open file descriptors for the container.', ({handles}) =>
    just(handles?.files),
  ),
  gauge('container_sockets', 'Number of open sockets for the container.', ({handles}) =>
    just(handles?.sockets),
  ),
  gauge(
    'container_ulimits_soft',
    'Soft ulimit values for the container root process. Unlimited if -1, except priority and nice',
    ({handles}) =>
      handles?.softLimit === undefined
        ? []
        : [{value: handles.softLimit, labels: labelText({ulimit: 'max_open_files'})}],
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
