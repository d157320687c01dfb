import {directoryUsage} from '../../../edges/mounts/directory-usage.ts';
import {deviceBytes, localSpace, networkSpace} from '../../../edges/mounts/volume-space.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import type {VolumeUsage} from '../types.ts';
import type {StandingVolume} from '../volumes.ts';

/** How a volume of a kind is measured (pkg/volume, the plugins' MetricsProviders). */
type Method = 'walk' | 'statfs' | 'network' | 'none';

const methods = new Map<string, Method>([
  ['configMap', 'walk'],
  ['secret', 'statfs'],
  ['downwardAPI', 'statfs'],
  ['projected', 'statfs'],
  ['local', 'statfs'],
  ['nfs', 'network'],
  ['hostPath', 'none'],
  ['image', 'none'],
]);

/** A server that is away must not hold up the figures of all other volumes. */
const networkMs = 5_000;

/**
 * How full the volumes of a pod are, by their names in it; what cannot tell is left out. Nothing here blocks: trees
 * are walked one call at a time, and network file systems are asked by a child that can be ended.
 */
export async function usageOf(
  pod: Pod,
  volumes: ReadonlyMap<string, StandingVolume>,
  signal: AbortSignal,
  onRead?: (source: string, seconds: number) => void,
): Promise<ReadonlyMap<string, VolumeUsage>> {
  const found = new Map<string, VolumeUsage>();
  for (const {name, emptyDir} of pod.spec.volumes ?? []) {
    const volume = volumes.get(name);
    if (volume === undefined) continue;
    signal.throwIfAborted();
    const method = methods.get(volume.plugin.field) ?? (emptyDir?.medium ? 'statfs' : 'walk');
    const source = sourceOf(volume, method);
    const begin = performance.now();
    const usage = await measure(volume, method, signal).catch(() => undefined);
    if (source !== undefined) onRead?.(source, (performance.now() - begin) / 1000);
    if (usage !== undefined) found.set(name, usage);
  }
  signal.throwIfAborted();
  return found;
}

/** Kubernetes' names of how it is measured; also of a volume that did not answer. */
function sourceOf({plugin, place, driver}: StandingVolume, method: Method): string | undefined {
  if (plugin.usage !== undefined) return driver ?? plugin.field;
  if (place.mode === 'Block') return 'block';
  if (method === 'none') return undefined;
  return method === 'walk' ? 'du' : 'statfs';
}

async function measure(
  {plugin, place, path}: StandingVolume,
  method: Method,
  signal: AbortSignal,
): Promise<VolumeUsage | undefined> {
  if (plugin.usage !== undefined) return plugin.usage(place, signal);
  if (place.mode === 'Block') return {capacityBytes: await deviceBytes(path)};
  if (method === 'none') return undefined;
  if (method === 'network') return networkSpace(path, networkMs, signal);
  const space = await localSpace(path);
  return method === 'walk' ? {...space, ...(await directoryUsage(path, signal))} : space;
}
