import type {PersistentVolume, Volume} from '../../lib/kubernetes.ts';
import type {ObjectReference} from '../api/objects.ts';
import {configMap} from './kinds/config-map.ts';
import {downwardApi} from './kinds/downward-api.ts';
import {emptyDir} from './kinds/empty-dir.ts';
import {hostPath} from './kinds/host-path.ts';
import {image} from './kinds/image.ts';
import {local} from './kinds/local.ts';
import {nfs} from './kinds/nfs.ts';
import {projected} from './kinds/projected.ts';
import {secret} from './kinds/secret.ts';
import type {VolumePlugin} from './types.ts';

/** Every kind of volume that this node can give a pod without anybody's help. */
const own: readonly VolumePlugin[] = [
  emptyDir,
  configMap,
  secret,
  downwardApi,
  projected,
  hostPath,
  local,
  nfs,
  image,
];

/** Of two for the same kind the one that was started for this node. */
export function allPlugins(more: readonly VolumePlugin[] = []): readonly VolumePlugin[] {
  const started = new Set(more.map(({directory}) => directory));
  return [...own.filter(({directory}) => !started.has(directory)), ...more];
}

/**
 * The plugin for a pod's volume, or for what its claim is bound to. A volume without any source is an emptyDir, as
 * the API defaults it.
 * @throws for kinds that are not supported: a pod must not start without its data
 */
export function pluginFor(
  volume: Volume,
  persistent?: PersistentVolume,
  more?: readonly VolumePlugin[],
): VolumePlugin {
  const source: object = persistent === undefined ? volume : persistent.spec;
  const from = persistent === undefined ? 'pod' : 'persistent';
  const fields = new Map(Object.entries(source));
  const known = allPlugins(more).find(
    (plugin) => [from, 'both'].includes(plugin.from ?? 'pod') && fields.get(plugin.field) !== undefined,
  );
  if (known !== undefined) return known;
  if (persistent !== undefined) throw new Error('no volume plugin matched');
  const kinds = [...fields].filter(([field, value]) => field !== 'name' && value !== undefined);
  if (kinds.length === 0) return emptyDir;
  throw new Error(
    `volumes of kind ${kinds.map(([field]) => field).join(', ')} are not supported on this node`,
  );
}

/** Whether a volume shows an object of the API: alone, or among others. */
export function shows(volume: Volume, {kind, name}: Pick<ObjectReference, 'kind' | 'name'>): boolean {
  const parts = [{configMap: volume.configMap}, ...(volume.projected?.sources ?? [])];
  return kind === 'ConfigMap'
    ? parts.some(({configMap}) => configMap?.name === name)
    : volume.secret?.secretName === name ||
        (volume.projected?.sources ?? []).some(({secret}) => secret?.name === name);
}

/** Whether a volume's content follows objects of the API. */
export function follows(volume: Volume): boolean {
  const fields = new Map(Object.entries(volume));
  return own.some((plugin) => plugin.follows && fields.get(plugin.field) !== undefined);
}
