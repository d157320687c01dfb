import type {VolumePlugin} from '../types.ts';

/** An image (or an OCI artifact) as a read-only volume: pulled by the kubelet, mounted by the runtime. */
export const image: VolumePlugin = {
  field: 'image',
  directory: 'kubernetes.io~image',
  follows: false,
  prepare: async ({volume}) => ({path: '', readOnly: true, image: volume.image?.reference ?? ''}),
};
