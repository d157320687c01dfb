import type {VolumeContext} from '../../../src/kubelet/volumes/types.ts';
import type {ConfigMap, Pod, Secret} from '../../../src/lib/kubernetes.ts';
import {pod} from '../../unit/kubelet/pod-config/pods.ts';

/** A pod whose first container mounts every volume that no container mounts yet: others are not made. */
export function mountingPod(...[spec, metadata]: Parameters<typeof pod>): Pod {
  const made = pod(spec, metadata);
  const [first, ...rest] = made.spec.containers;
  if (first === undefined) return made;
  const used = new Set(
    made.spec.containers.flatMap(({volumeMounts = [], volumeDevices = []}) =>
      [...volumeMounts, ...volumeDevices].map(({name}) => name),
    ),
  );
  const missing = (made.spec.volumes ?? []).filter(({name}) => !used.has(name));
  const volumeMounts = [
    ...(first.volumeMounts ?? []),
    ...missing.map(({name}) => ({name, mountPath: `/mnt/${name}`})),
  ];
  return {...made, spec: {...made.spec, containers: [{...first, volumeMounts}, ...rest]}};
}

export type Objects = {
  readonly configMaps: Map<string, ConfigMap>;
  readonly secrets: Map<string, Secret>;
};

/** What volumes are made with, the API's part answered from memory; there are no claims unless they are given. */
export function volumeContext(
  rootDir: string,
  {configMaps, secrets}: Objects,
  more: Partial<VolumeContext> = {},
): VolumeContext {
  const none = (name: string) => Promise.reject(new Error(`persistentvolumeclaims "${name}" not found`));
  return {
    rootDir,
    objects: {
      configMap: async (_uid: string, _namespace: string, name: string) => configMaps.get(name),
      secret: async (_uid: string, _namespace: string, name: string) => secrets.get(name),
    },
    claims: {claim: (_namespace, name) => none(name), volume: none},
    tokens: {
      token: async () => ({token: 'token', againInMs: 3_600_000}),
      forget: () => undefined,
    },
    nodeAllocatable: () => ({memory: '1Gi', cpu: '2'}),
    node: () => ({
      metadata: {
        name: 'node-1',
        uid: 'n',
        resourceVersion: '1',
        labels: {'kubernetes.io/hostname': 'node-1'},
      },
    }),
    ...more,
  };
}
