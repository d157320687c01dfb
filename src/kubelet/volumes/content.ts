import type {ProjectedFile} from '../../edges/files/pods/atomic-writer.ts';
import type {ConfigMap, Pod, Secret, Volume} from '../../lib/kubernetes.ts';
import {type DownwardFacts, metadataField, resourceField} from '../pod/config/environment/downward-api.ts';

/** Files of a volume by their path in it. Everything here is pure. */
export type Files = Map<string, ProjectedFile>;

type KeyToPath = {readonly key: string; readonly path: string; readonly mode?: number};
type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

export type Selection = {
  readonly items?: readonly KeyToPath[];
  readonly mode: number;
  readonly optional: boolean;
};

export const defaultFileMode = 0o644;

/** An object that is missing counts as empty where it is optional. */
export function configMapFiles(configMap: ConfigMap | undefined, selection: Selection): Files {
  const data = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries(configMap?.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(configMap?.binaryData ?? {}))
    data.set(key, Buffer.from(value, 'base64'));
  return select(data, selection, (key) => `configmap references non-existent config key: ${key}`);
}

export function secretFiles(secret: Secret | undefined, selection: Selection): Files {
  const entries = Object.entries(secret?.data ?? {});
  const data = new Map(entries.map(([key, value]) => [key, Buffer.from(value, 'base64')]));
  return select(data, selection, (key) => `references non-existent secret key: ${key}`);
}

export function downwardFiles(
  pod: Pod,
  items: readonly DownwardItem[],
  mode: number,
  allocatable: DownwardFacts['nodeAllocatable'],
): Files {
  const files: Files = new Map();
  for (const item of items) {
    const text =
      item.fieldRef !== undefined
        ? metadataField(pod, item.fieldRef.fieldPath)
        : item.resourceFieldRef !== undefined
          ? resourceField(pod, undefined, item.resourceFieldRef, allocatable)
          : '';
    files.set(item.path, {data: Buffer.from(text), mode: item.mode ?? mode});
  }
  return files;
}

/** The user that a token file may belong to: where all containers run as the same one (pkg/volume/util, FsUserFrom). */
export function commonUser({spec}: Pod): number | undefined {
  const users = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])].map(
    ({securityContext}) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
  );
  return new Set(users).size === 1 ? users[0] : undefined;
}

/**
 * Directories that must be in a volume that containers cannot write to, because other volumes are mounted there
 * (pkg/volume/util/nested_volumes.go).
 */
export function nestedMountpoints(pod: Pod, volume: string): string[] {
  const {spec} = pod;
  const nested = new Set<string>();
  for (const {volumeMounts = []} of [...(spec.initContainers ?? []), ...spec.containers]) {
    const all = volumeMounts.map(({mountPath}) => cleaned(mountPath)).sort();
    for (const own of volumeMounts
      .filter(({name}) => name === volume)
      .map(({mountPath}) => cleaned(mountPath))) {
      let inside = '';
      for (const other of all) {
        if (!other.startsWith(`${own}/`) || (inside !== '' && other.startsWith(inside))) continue;
        inside = `${other}/`;
        nested.add(other.slice(own.length + 1));
      }
    }
  }
  return [...nested];
}

function select(
  data: ReadonlyMap<string, Uint8Array>,
  {items, mode, optional}: Selection,
  complaint: (key: string) => string,
): Files {
  if (items === undefined || items.length === 0)
    return new Map([...data].map(([path, bytes]) => [path, {data: bytes, mode}]));
  const files: Files = new Map();
  for (const item of items) {
    const bytes = data.get(item.key);
    if (bytes !== undefined) files.set(item.path, {data: bytes, mode: item.mode ?? mode});
    else if (!optional) throw new Error(complaint(item.key));
  }
  return files;
}

function cleaned(path: string): string {
  return `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
}
