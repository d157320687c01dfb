import type {ProjectedFile} from '../../../../src/edges/files/pods/atomic-writer.ts';
import type {VolumeContext} from '../../../../src/kubelet/volumes/types.ts';
import {configMap, container, secret} from '../../../unit/kubelet/pod-config/pods.ts';
import {mountingPod, volumeContext} from '../support.ts';

/** Each version has its own content, a file of its own, and one in a directory. */
export function payload(version: string): Map<string, ProjectedFile> {
  const data = Buffer.from(version.repeat(100));
  return new Map(['a', 'deep/b', `only-${version}`].map((path) => [path, {data, mode: 0o640, uid: 1000}]));
}

/** Sources that are mounted, bound and written: all that a kill can leave half-made. */
export const churningPod = mountingPod({
  containers: [
    container({
      volumeMounts: [
        {name: 'work', mountPath: '/work', subPath: 'a/b'},
        {name: 'map', mountPath: '/map'},
      ],
    }),
  ],
  volumes: [
    {name: 'work', emptyDir: {medium: 'Memory'}},
    {name: 'map', configMap: {name: 'map'}},
    {name: 'hidden', secret: {secretName: 'hidden'}},
    {name: 'claimed', persistentVolumeClaim: {claimName: 'data'}},
  ],
});

export function churningContext(root: string, content: string): VolumeContext {
  const objects = {
    configMaps: new Map([['map', configMap('map', {a: content, b: content})]]),
    secrets: new Map([['hidden', secret('hidden', {a: content, b: content})]]),
  };
  return volumeContext(`${root}/kubelet`, objects, {
    claims: {
      claim: async (namespace, name) => ({
        metadata: {name, namespace, uid: 'c', resourceVersion: '1'},
        spec: {volumeName: 'pv'},
        status: {phase: 'Bound'},
      }),
      volume: async (name) => ({
        metadata: {name, uid: 'v', resourceVersion: '1'},
        spec: {claimRef: {uid: 'c'}, local: {path: `${root}/disk`}},
      }),
    },
  });
}
