import type {KubeletConfig} from '../../config/kubelet.ts';
import {directoryUsage} from '../../edges/mounts/directory-usage.ts';
import {diskSpace} from '../../edges/mounts/disk.ts';
import type {Volume} from '../../lib/kubernetes.ts';
import {podRoot} from '../pod/config/pod-paths.ts';
import type {VolumeUsage} from '../volumes/types.ts';
import type {ReadVolumes} from './types.ts';

/** Kinds whose files are the kubelet's own, by field; each has its directory among the pod's volumes. */
const kinds = {
  emptyDir: 'kubernetes.io~empty-dir',
  configMap: 'kubernetes.io~configmap',
  secret: 'kubernetes.io~secret',
  downwardAPI: 'kubernetes.io~downward-api',
  projected: 'kubernetes.io~projected',
} as const;

/** What volumes that live on this node take, by walking through them (pkg/volume, metricsDu). */
export function localVolumes(config: KubeletConfig): ReadVolumes {
  return async ({metadata, spec}, signal) => {
    const found = new Map<string, VolumeUsage>();
    for (const volume of spec.volumes ?? []) {
      const kind = kindOf(volume);
      if (kind === undefined) continue;
      const path = `${podRoot(config, metadata.uid)}/volumes/${kinds[kind]}/${volume.name}`;
      const used = await directoryUsage(path, signal);
      if (used === undefined) continue;
      const disk = await diskSpace(path);
      found.set(volume.name, {
        ...used,
        capacityBytes: disk.totalBytes,
        availableBytes: disk.freeBytes,
        inodes: disk.totalInodes,
        inodesFree: disk.freeInodes,
      });
    }
    return found;
  };
}

/** Its files are on this node as soon as the pod's volumes are ready. */
export function isLocal(volume: Volume): boolean {
  return kindOf(volume) !== undefined;
}

function kindOf(volume: Volume): keyof typeof kinds | undefined {
  if (volume.emptyDir) return 'emptyDir';
  if (volume.configMap) return 'configMap';
  if (volume.secret) return 'secret';
  if (volume.downwardAPI) return 'downwardAPI';
  return volume.projected ? 'projected' : undefined;
}
