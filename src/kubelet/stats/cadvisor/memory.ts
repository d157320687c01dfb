import type {MemorySample} from '../../../edges/cgroups/cgroup-sample.ts';
import {type CadvisorMetric, counter, gauge, just, type Read, sampleOf} from './metric.ts';

const ofMemory =
  (read: (memory: MemorySample) => number | undefined): Read =>
  (subject) => {
    const {memory} = sampleOf(subject);
    return memory === undefined ? [] : just(read(memory));
  };

export const memory: readonly CadvisorMetric[] = [
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
