import type {Container, Pod} from '../../../lib/kubernetes.ts';

/**
 * The image volumes that a container mounts, as if each were a container of its own that waits for its image: they are
 * pulled, retried and told about as any other. No container can have such a name.
 */
export function imageVolumesOf({spec}: Pod, {volumeMounts = []}: Container): Container[] {
  const mounted = new Set(volumeMounts.map(({name}) => name));
  return (spec.volumes ?? []).flatMap(({name, image}) =>
    image === undefined || !mounted.has(name)
      ? []
      : [
          {
            name: imageVolumeName(name),
            image: image.reference ?? '',
            ...(image.pullPolicy === undefined ? {} : {imagePullPolicy: image.pullPolicy}),
          },
        ],
  );
}

export function imageVolumeName(volume: string): string {
  return `volume/${volume}`;
}

/** Events about an image volume are about the pod as a whole. */
export function containerOfEvent(name: string | undefined): string | undefined {
  return name?.startsWith('volume/') ? undefined : name;
}
