import type {PodStats, Snapshot, VolumeStats} from '../types.ts';
import {type Family, labelText} from './exposition.ts';

/** What `/metrics` tells beside the kubelet's own work: which build this is, how full volumes and logs are. */
export function nodeFamilies(version: string, snapshot: Snapshot | undefined): Family[] {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const build: Family = {
    name: 'kubernetes_build_info',
    help: "[BETA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
    type: 'gauge',
    lines: [{labels: labelText({major, minor, git_version: version}), value: 1}],
  };
  return [build, ...(snapshot === undefined ? [] : [...volumeFamilies(snapshot), logFamily(snapshot)])];
}

const volumeMetrics = [
  ['available_bytes', 'Number of available bytes in the volume', 'availableBytes'],
  ['capacity_bytes', 'Capacity in bytes of the volume', 'capacityBytes'],
  ['inodes', 'Maximum number of inodes in the volume', 'inodes'],
  ['inodes_free', 'Number of free inodes in the volume', 'inodesFree'],
  ['inodes_used', 'Number of used inodes in the volume', 'inodesUsed'],
  ['used_bytes', 'Number of used bytes in the volume', 'usedBytes'],
] as const satisfies readonly [string, string, keyof VolumeStats][];

/** Of claims only, each once, however many pods use it (collectors/volume_stats.go). */
function volumeFamilies({pods}: Snapshot): Family[] {
  const volumes = claimed(pods);
  const amounts = volumeMetrics.map(
    ([name, help, field]): Family => ({
      name: `kubelet_volume_stats_${name}`,
      help: `[ALPHA] ${help}`,
      type: 'gauge',
      lines: volumes.flatMap(({labels, volume}) => {
        const value = volume[field];
        return value === undefined ? [] : [{labels, value}];
      }),
    }),
  );
  const health: Family = {
    name: 'kubelet_volume_stats_health_status_abnormal',
    help: '[ALPHA] Abnormal volume health status. The count is either 1 or 0. 1 indicates the volume is unhealthy, 0 indicates volume is healthy',
    type: 'gauge',
    lines: volumes.flatMap(({labels, volume}) =>
      volume.abnormal === undefined ? [] : [{labels, value: Number(volume.abnormal)}],
    ),
  };
  return [...amounts, health];
}

function claimed(pods: readonly PodStats[]): {labels: string; volume: VolumeStats}[] {
  const found = new Map<string, VolumeStats>();
  for (const {namespace, volumes} of pods)
    for (const volume of volumes)
      if (volume.claim !== undefined)
        found.set(labelText({namespace, persistentvolumeclaim: volume.claim}), volume);
  return [...found].map(([labels, volume]) => ({labels, volume}));
}

function logFamily({pods}: Snapshot): Family {
  return {
    name: 'kubelet_container_log_filesystem_used_bytes',
    help: "[ALPHA] Bytes used by the container's logs on the filesystem.",
    type: 'gauge',
    lines: pods.flatMap(({uid, namespace, name: pod, containers}) =>
      containers.flatMap(({name: container, logs}) =>
        logs === undefined
          ? []
          : [{labels: labelText({uid, namespace, pod, container}), value: logs.usedBytes}],
      ),
    ),
  };
}
