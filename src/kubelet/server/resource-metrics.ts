import type {ContainerUsage, PodUsage, Usage} from './usage.ts';

type Line = {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timeMs?: number;
};
type Family = {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly lines: readonly Line[];
};

/** `/metrics/resource`, which metrics-server reads (pkg/kubelet/metrics/collectors/resource_metrics.go). */
export function resourceMetrics(usage: Usage | undefined): string {
  const failed: Family = {
    name: 'resource_scrape_error',
    help: '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
    type: 'gauge',
    lines: [{labels: {}, value: usage === undefined ? 1 : 0}],
  };
  return [...(usage === undefined ? [] : families(usage)), failed].map(render).join('');
}

function families({host, pods, timeMs}: Usage): Family[] {
  const containers = pods.flatMap((pod) => pod.containers.map((container) => ({pod, container})));
  const each = (read: (container: ContainerUsage) => Omit<Line, 'labels'> | undefined): Line[] =>
    containers.flatMap(({pod, container}) => {
      const line = read(container);
      const labels = {container: container.name, namespace: pod.namespace, pod: pod.name};
      return line === undefined ? [] : [{labels, ...line}];
    });
  const whole = (read: (container: ContainerUsage) => number): Line[] =>
    pods.map((pod) => ({
      labels: {namespace: pod.namespace, pod: pod.name},
      value: pod.containers.reduce((sum, container) => sum + read(container), 0),
      timeMs: newest(pod),
    }));
  return [
    {
      name: 'container_cpu_usage_seconds_total',
      help: '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
      type: 'counter',
      lines: each(({cpuSeconds, timeMs: at}) => ({value: cpuSeconds, timeMs: at})),
    },
    {
      name: 'container_memory_working_set_bytes',
      help: '[STABLE] Current working set of the container in bytes',
      type: 'gauge',
      lines: each(({workingSetBytes, timeMs: at}) => ({value: workingSetBytes, timeMs: at})),
    },
    {
      name: 'container_start_time_seconds',
      help: '[STABLE] Start time of the container since unix epoch in seconds',
      type: 'gauge',
      lines: each(({startTime}) =>
        startTime === undefined ? undefined : {value: Date.parse(startTime) / 1000},
      ),
    },
    {
      name: 'node_cpu_usage_seconds_total',
      help: '[STABLE] Cumulative cpu time consumed by the node in core-seconds',
      type: 'counter',
      lines: [{labels: {}, value: host.cpuSeconds, timeMs}],
    },
    {
      name: 'node_memory_working_set_bytes',
      help: '[STABLE] Current working set of the node in bytes',
      type: 'gauge',
      lines: [{labels: {}, value: host.memoryWorkingSetBytes, timeMs}],
    },
    {
      name: 'pod_cpu_usage_seconds_total',
      help: '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
      type: 'counter',
      lines: whole(({cpuSeconds}) => cpuSeconds),
    },
    {
      name: 'pod_memory_working_set_bytes',
      help: '[STABLE] Current working set of the pod in bytes',
      type: 'gauge',
      lines: whole(({workingSetBytes}) => workingSetBytes),
    },
  ];
}

function newest(pod: PodUsage): number {
  return Math.max(...pod.containers.map(({timeMs}) => timeMs));
}

function render({name, help, type, lines}: Family): string {
  if (lines.length === 0) return '';
  const head = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  return (
    head + lines.map((line) => `${name}${labelText(line.labels)} ${line.value}${stamp(line)}\n`).join('')
  );
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function stamp({timeMs}: Line): string {
  return timeMs === undefined ? '' : ` ${Math.round(timeMs)}`;
}
