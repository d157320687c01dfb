import type {Handles} from '../../../edges/process/open-files.ts';
import type {HandlesById} from '../handles.ts';
import {type Family, joinLabels, labelText, render} from '../metrics/exposition.ts';
import type {ContainerStats, PodStats, Snapshot, SpaceStats, Subject} from '../types.ts';
import {type MachineFacts, machineFamilies} from './machine.ts';
import type {CadvisorMetric} from './metric.ts';
import {cadvisorMetrics} from './metrics.ts';

/** `/metrics/cadvisor`: what dashboards know by cAdvisor's names and the kubelet's labels. */
export function cadvisorText(
  snapshot: Snapshot,
  machine: MachineFacts,
  handles: HandlesById = new Map(),
): string {
  const all = subjects(snapshot, handles);
  return render([
    ...machineFamilies(snapshot, machine),
    ...cadvisorMetrics.map((metric) => family(metric, all)),
  ]);
}

function family({name, help, type, stamped, read}: CadvisorMetric, all: readonly Subject[]): Family {
  return {
    name,
    help,
    type,
    lines: all.flatMap((subject) =>
      read(subject).map(({value, labels = ''}) => ({
        labels: joinLabels(subject.labels, labels),
        value,
        ...(stamped ? {timeMs: subject.measured.timeMs} : {}),
      })),
    ),
  };
}

/** The root, the cgroups of the QoS classes, the pods', their sandboxes' and their containers'. */
export function subjects({node, disks, pods, tiers}: Snapshot, handles: HandlesById): Subject[] {
  const {bootTimeMs: startedAtMs} = node;
  const {node: space, activity} = disks;
  const used = {usedBytes: space.usedBytes, inodesUsed: space.inodesUsed};
  return [
    {
      labels: labelsOf({id: '/'}),
      measured: node.root,
      startedAtMs,
      network: node.network,
      disk: {space, used, isWhole: true, ...(activity === undefined ? {} : {activity})},
    },
    ...[...tiers].map(([id, measured]) => ({labels: labelsOf({id}), measured, startedAtMs})),
    ...pods.flatMap((pod) => podSubjects(pod, disks.containers ?? disks.node, handles)),
  ];
}

function podSubjects(pod: PodStats, space: SpaceStats, handles: HandlesById): Subject[] {
  const {name: podName, namespace, sandbox} = pod;
  const startedAtMs = pod.startTime === undefined ? 0 : Date.parse(pod.startTime);
  const own = {pod: podName, namespace};
  const found: Subject[] = [];
  if (pod.measured !== undefined && pod.cgroup !== undefined)
    found.push({labels: labelsOf({...own, id: pod.cgroup}), measured: pod.measured, startedAtMs});
  if (sandbox?.measured !== undefined)
    found.push({
      labels: labelsOf({...own, id: sandbox.cgroup ?? '', name: sandbox.id}),
      measured: sandbox.measured,
      startedAtMs: sandbox.startedAtMs,
      ...(pod.network === undefined ? {} : {network: pod.network}),
    });
  for (const container of pod.containers) {
    const subject = containerSubject(container, own, space, handles.get(container.id));
    if (subject !== undefined) found.push(subject);
  }
  return found;
}

function containerSubject(
  {name: container, id, image, cgroup = '', measured, startedAtMs, pids, rootfs}: ContainerStats,
  own: {readonly pod: string; readonly namespace: string},
  space: SpaceStats,
  handles: Handles | undefined,
): Subject | undefined {
  if (measured === undefined) return undefined;
  return {
    labels: labelsOf({...own, id: cgroup, name: id, image, container}),
    measured,
    startedAtMs,
    processes: pids.length,
    ...(handles === undefined ? {} : {handles}),
    ...(rootfs === undefined ? {} : {disk: {space, used: rootfs, isWhole: false}}),
  };
}

/** All lines of a family have the same labels: what does not apply is empty. */
function labelsOf({
  container = '',
  id,
  image = '',
  name = '',
  namespace = '',
  pod = '',
}: Partial<Record<'container' | 'image' | 'name' | 'namespace' | 'pod', string>> & {
  readonly id: string;
}): string {
  return labelText({container, id, image, name, namespace, pod});
}
