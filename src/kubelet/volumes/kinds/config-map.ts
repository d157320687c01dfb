import {configMapFiles, defaultFileMode} from '../content.ts';
import type {VolumePlugin} from '../types.ts';
import {project} from './projection.ts';

export const configMap: VolumePlugin = {
  field: 'configMap',
  directory: 'kubernetes.io~configmap',
  follows: true,
  async prepare(request) {
    const {pod, volume, context, signal} = request;
    const {name = '', items, defaultMode = defaultFileMode, optional = false} = volume.configMap ?? {};
    const {uid, namespace} = pod.metadata;
    const object = await context.objects.configMap(uid, namespace, name, signal);
    if (object === undefined && !optional) throw new Error(`configmap "${name}" not found`);
    return project(request, configMapFiles(object, {items, mode: defaultMode, optional}), 'disk');
  },
};
