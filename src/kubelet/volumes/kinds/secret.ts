import {defaultFileMode, secretFiles} from '../content.ts';
import type {VolumePlugin} from '../types.ts';
import {project} from './projection.ts';

export const secret: VolumePlugin = {
  field: 'secret',
  directory: 'kubernetes.io~secret',
  follows: true,
  async prepare(request) {
    const {pod, volume, context, signal} = request;
    const {secretName = '', items, defaultMode = defaultFileMode, optional = false} = volume.secret ?? {};
    const {uid, namespace} = pod.metadata;
    const object = await context.objects.secret(uid, namespace, secretName, signal);
    if (object === undefined && !optional) throw new Error(`secret "${secretName}" not found`);
    return project(request, secretFiles(object, {items, mode: defaultMode, optional}), 'memory');
  },
};
