import type {Volume} from '../../lib/kubernetes.ts';
import {configMap} from './config-map.ts';
import {downwardApi} from './downward-api.ts';
import {emptyDir} from './empty-dir.ts';
import {hostPath} from './host-path.ts';
import {projected} from './projected.ts';
import {secret} from './secret.ts';
import type {VolumePlugin} from './types.ts';

/** Every kind of volume that this node can give a pod. */
export const plugins: readonly VolumePlugin[] = [
  emptyDir,
  configMap,
  secret,
  downwardApi,
  projected,
  hostPath,
];

/**
 * The plugin for a volume; one without any source is an emptyDir, as the API defaults it.
 * @throws for kinds that are not supported: a pod must not start without its data
 */
export function pluginFor(volume: Volume): VolumePlugin {
  const known = plugins.find(({field}) => volume[field] !== undefined);
  if (known !== undefined) return known;
  const kinds = Object.entries(volume).filter(([field, value]) => field !== 'name' && value !== undefined);
  if (kinds.length === 0) return emptyDir;
  throw new Error(
    `volumes of kind ${kinds.map(([field]) => field).join(', ')} are not supported on this node`,
  );
}
