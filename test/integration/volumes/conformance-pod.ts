import type {PodSpec, Volume} from '../../../src/lib/kubernetes.ts';
import {busyboxImage} from '../support/images.ts';

/** Who a pod's container runs as. */
export type Variant = {readonly name: string; readonly uid: number; readonly fsGroup?: number};

export const variants: readonly Variant[] = [
  {name: 'root', uid: 0},
  {name: 'root-group', uid: 0, fsGroup: 4321},
  {name: 'user', uid: 1000},
  {name: 'user-group', uid: 1000, fsGroup: 4321},
];

export const kinds = ['configMap', 'secret', 'downwardAPI'] as const;
export type Kind = (typeof kinds)[number];
/** As a volume of its own, or as a source of a projected one. */
export const wraps = ['own', 'projected'] as const;
export type Wrap = (typeof wraps)[number];
export const shapes = ['plain', 'again', 'mode', 'mapped', 'item'] as const;
export type Shape = (typeof shapes)[number];

export const closedMode = 0o400;
export const value = 'value-1';

/** The file of each shape, and the mode that the pod asks for. */
export function fileOf(kind: Kind, shape: Shape): {path: string; mode: number} {
  const mapped = shape === 'mapped' || shape === 'item';
  const path = kind === 'downwardAPI' ? 'podname' : mapped ? 'path/to/data-1' : 'data-1';
  return {path, mode: shape === 'mode' || shape === 'item' ? closedMode : 0o644};
}

const resource = (path: string, name: string, containerName: string, divisor = '1') => ({
  path,
  resourceFieldRef: {containerName, resource: name, divisor},
});

const downwardItems = [
  {path: 'labels', fieldRef: {fieldPath: 'metadata.labels'}},
  {path: 'annotations', fieldRef: {fieldPath: 'metadata.annotations'}},
  resource('cpu_limit', 'limits.cpu', 'main', '1m'),
  resource('cpu_request', 'requests.cpu', 'main', '1m'),
  resource('memory_limit', 'limits.memory', 'main'),
  resource('memory_request', 'requests.memory', 'main'),
  resource('node_cpu', 'limits.cpu', 'bare'),
  resource('node_memory', 'limits.memory', 'bare'),
];

function source(kind: Kind, shape: Shape) {
  const {path, mode} = fileOf(kind, shape);
  const itemMode = shape === 'item' ? {mode} : {};
  if (kind === 'downwardAPI')
    return {
      items: [
        {path, fieldRef: {fieldPath: 'metadata.name'}, ...itemMode},
        ...(shape === 'plain' ? downwardItems : []),
      ],
    };
  const items = shape === 'mapped' || shape === 'item' ? {items: [{key: 'data-1', path, ...itemMode}]} : {};
  return {name: 'data', ...items};
}

function volumeOf(wrap: Wrap, kind: Kind, shape: Shape): Volume {
  const name = `${wrap}-${kind}-${shape}`.toLowerCase();
  const defaultMode = shape === 'mode' ? {defaultMode: closedMode} : {};
  const {name: object, ...rest} = {name: undefined, ...source(kind, shape)};
  if (wrap === 'projected')
    return {name, projected: {sources: [{[kind]: source(kind, shape)}], ...defaultMode}};
  const own = kind === 'secret' ? {secretName: object} : kind === 'configMap' ? {name: object} : {};
  return {name, [kind]: {...own, ...rest, ...defaultMode}};
}

/** Three objects that may be missing: one that goes, one that changes, one that comes. */
export const optionals = ['goes', 'changes', 'comes'] as const;

function optionalVolumes(): Volume[] {
  return (['configMap', 'secret'] as const).flatMap((kind) =>
    optionals.flatMap((name): Volume[] => {
      const own =
        kind === 'secret'
          ? {secret: {secretName: name, optional: true}}
          : {configMap: {name, optional: true}};
      const source = {[kind]: {name, optional: true}};
      return [
        {name: `own-${kind}-${name}`.toLowerCase(), ...own},
        {name: `projected-${kind}-${name}`.toLowerCase(), projected: {sources: [source]}},
      ];
    }),
  );
}

const combined: Volume = {
  name: 'combined',
  projected: {
    sources: [
      {configMap: {name: 'data', items: [{key: 'data-1', path: 'configmap'}]}},
      {secret: {name: 'data', items: [{key: 'data-1', path: 'secret'}]}},
      {downwardAPI: {items: [{path: 'podname', fieldRef: {fieldPath: 'metadata.name'}}]}},
      {serviceAccountToken: {path: 'token', expirationSeconds: 3600}},
    ],
  },
};

const subPaths = [
  {name: 'own-configmap-plain', mountPath: '/sub/configmap', subPath: 'data-1'},
  {name: 'own-configmap-plain', mountPath: '/etc/group', subPath: 'data-1'},
  {name: 'own-secret-plain', mountPath: '/sub/secret', subPath: 'data-1'},
  {name: 'own-downwardapi-plain', mountPath: '/sub/downward', subPath: 'podname'},
  {name: 'own-configmap-mapped', mountPath: '/sub/directory', subPath: 'path/to'},
  {name: 'combined', mountPath: '/sub/projected', subPath: 'configmap'},
  {name: 'default', mountPath: '/sub/made', subPath: 'made/here'},
  {name: 'default', mountPath: '/sub/expanded', subPathExpr: 'expanded/$(POD_NAME)'},
];

export function conformancePod({uid, fsGroup}: Variant): Partial<PodSpec> {
  const volumes: Volume[] = [
    {name: 'default', emptyDir: {}},
    {name: 'tmpfs', emptyDir: {medium: 'Memory'}},
    combined,
    {name: 'binary', configMap: {name: 'binary'}},
    ...wraps.flatMap((wrap) => kinds.flatMap((kind) => shapes.map((shape) => volumeOf(wrap, kind, shape)))),
    ...optionalVolumes(),
  ];
  const script = 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done';
  return {
    terminationGracePeriodSeconds: 1,
    securityContext: {runAsUser: uid, ...(fsGroup === undefined ? {} : {fsGroup})},
    volumes,
    initContainers: [{name: 'bare', image: busyboxImage, command: ['true']}],
    containers: [
      {
        name: 'main',
        image: busyboxImage,
        command: ['sh', '-c', script],
        env: [{name: 'POD_NAME', valueFrom: {fieldRef: {fieldPath: 'metadata.name'}}}],
        resources: {limits: {cpu: '125m', memory: '64Mi'}, requests: {cpu: '25m', memory: '32Mi'}},
        volumeMounts: [...volumes.map(({name}) => ({name, mountPath: `/v/${name}`})), ...subPaths],
      },
      {
        name: 'other',
        image: busyboxImage,
        command: ['sh', '-c', script],
        volumeMounts: [{name: 'default', mountPath: '/shared'}],
      },
    ],
  };
}
