import {type Family, type Line, labelText, render} from './metrics/exposition.ts';
import type {ContainerStats, Measured, PodStats, Snapshot} from './types.ts';

/** `/metrics/resource`, which metrics-server reads (pkg/kubelet/metrics/collectors/resource_metrics.go). */
export function resourceText(snapshot: Snapshot | undefined): string {
  const failed: Family = {
    name: 'resource_scrape_error',
    help: '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
    type: 'gauge',
    lines: [{labels: '', value: snapshot === undefined ? 1 : 0}],
  };
  return render([...(snapshot === undefined ? [] : families(snapshot)), failed]);
}

type Read = (measured: Measured) => number | undefined;

const cpuSeconds: Read = ({sample}) => sample.cpu && sample.cpu.usageNs / 1e9;
const workingSet: Read = ({sample}) => sample.memory?.workingSetBytes;
const swap: Read = ({sample}) => sample.memory?.swapBytes;

type Row = readonly [name: string, help: string, type: Family['type'], read: Read];

const alpha = '[ALPHA] Current';
const never = 'in bytes. Reported only on non-windows systems';

const nodeRows: readonly Row[] = [
  [
    'node_cpu_usage_seconds_total',
    '[STABLE] Cumulative cpu time consumed by the node in core-seconds',
    'counter',
    cpuSeconds,
  ],
  ['node_memory_working_set_bytes', '[STABLE] Current working set of the node in bytes', 'gauge', workingSet],
  ['node_swap_usage_bytes', `${alpha} swap usage of the node ${never}`, 'gauge', swap],
];

const containerRows: readonly Row[] = [
  [
    'container_cpu_usage_seconds_total',
    '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
    'counter',
    cpuSeconds,
  ],
  [
    'container_memory_working_set_bytes',
    '[STABLE] Current working set of the container in bytes',
    'gauge',
    workingSet,
  ],
  [
    'container_swap_limit_bytes',
    `${alpha} amount of the container swap limit ${never}`,
    'gauge',
    ({sample}) => sample.limits.swapBytes,
  ],
  ['container_swap_usage_bytes', `${alpha} amount of the container swap usage ${never}`, 'gauge', swap],
];

const podRows: readonly Row[] = [
  [
    'pod_cpu_usage_seconds_total',
    '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
    'counter',
    cpuSeconds,
  ],
  ['pod_memory_working_set_bytes', '[STABLE] Current working set of the pod in bytes', 'gauge', workingSet],
  ['pod_swap_usage_bytes', `${alpha} amount of the pod swap usage ${never}`, 'gauge', swap],
];

type Subject = {readonly labels: string; readonly measured: Measured | undefined};

function families({node, pods}: Snapshot): Family[] {
  const containers = pods.flatMap((pod) => pod.containers.map((container) => ({pod, container})));
  const rows = (table: readonly Row[], subjects: readonly Subject[]): Family[] =>
    table.map(([name, help, type, read]) => ({
      name,
      help,
      type,
      lines: subjects.flatMap(({labels, measured}) => line(labels, measured, read)),
    }));
  const starts: Family = {
    name: 'container_start_time_seconds',
    help: '[STABLE] Start time of the container since unix epoch in seconds',
    type: 'gauge',
    lines: containers
      .filter(({container}) => container.startedAtMs > 0)
      .map(({pod, container}) => ({
        labels: containerLabels(pod, container),
        value: container.startedAtMs / 1000,
      })),
  };
  const ofContainers = containers.map(({pod, container}) => ({
    labels: containerLabels(pod, container),
    measured: container.measured,
  }));
  const ofPods = pods.map(({name: pod, namespace, measured}) => ({
    labels: labelText({namespace, pod}),
    measured,
  }));
  return [
    ...rows(containerRows, ofContainers),
    starts,
    ...rows(nodeRows, [{labels: '', measured: node.root}]),
    ...rows(podRows, ofPods),
  ];
}

function containerLabels({name: pod, namespace}: PodStats, {name: container}: ContainerStats): string {
  return labelText({container, namespace, pod});
}

function line(labels: string, measured: Measured | undefined, read: Read): Line[] {
  const value = measured && read(measured);
  return value === undefined || measured === undefined ? [] : [{labels, value, timeMs: measured.timeMs}];
}
