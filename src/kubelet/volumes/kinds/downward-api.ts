import {defaultFileMode, downwardFiles} from '../content.ts';
import type {VolumePlugin} from '../types.ts';
import {project} from './projection.ts';

export const downwardApi: VolumePlugin = {
  field: 'downwardAPI',
  directory: 'kubernetes.io~downward-api',
  follows: true,
  prepare(request) {
    const {pod, volume, context} = request;
    const {items = [], defaultMode = defaultFileMode} = volume.downwardAPI ?? {};
    return project(request, downwardFiles(pod, items, defaultMode, context.nodeAllocatable()), 'memory');
  },
};
