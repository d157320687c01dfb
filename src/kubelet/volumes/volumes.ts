import {listDirectory} from '../../edges/files.ts';
import {mountsBelow, readMounts, unmountTree} from '../../edges/mounts.ts';
import {ensureDirectory, removeTree} from '../../edges/trees.ts';
import type {Pod, Volume} from '../../lib/kubernetes.ts';
import {pluginFor} from './registry.ts';
import {type PreparedVolume, type VolumeContext, VolumeError, type VolumePlugin} from './types.ts';

export type Prepared = {
  /** By the volume's name in the pod. */
  readonly volumes: ReadonlyMap<string, PreparedVolume>;
  /** `refreshVolumes` is due then, without any event. */
  readonly againInMs?: number;
};

export function podDirectory(rootDir: string, uid: string): string {
  return `${rootDir}/pods/${uid}`;
}

/**
 * Makes all volumes of a pod, side by side; those that exist are left as they are, or brought up to date.
 * @throws VolumeError for the first that cannot be had, an AggregateError for several
 */
export async function prepareVolumes(
  pod: Pod,
  context: VolumeContext,
  signal?: AbortSignal,
): Promise<Prepared> {
  const directory = podDirectory(context.rootDir, pod.metadata.uid);
  for (const part of [directory, `${directory}/volumes`, `${directory}/plugins`])
    await ensureDirectory(part, 0o750);
  return each(pod.spec.volumes ?? [], pod, context, signal);
}

/**
 * Brings the volumes that follow objects of the API up to date: called when an object of the pod, its labels or its
 * annotations have changed, and when `againInMs` has passed. What cannot be had now keeps its last content.
 */
export async function refreshVolumes(
  pod: Pod,
  context: VolumeContext,
  signal?: AbortSignal,
): Promise<Prepared> {
  const following = (pod.spec.volumes ?? []).filter((volume) => pluginFor(volume).follows);
  return each(following, pod, context, signal);
}

/**
 * Takes down all of a pod's volumes and its directory, subPath mounts and what containers have mounted in them
 * included. Nothing is removed as long as a mount is left.
 */
export async function teardownVolumes(
  uid: string,
  context: Pick<VolumeContext, 'rootDir' | 'tokens'>,
): Promise<void> {
  const directory = podDirectory(context.rootDir, uid);
  await unmountTree(directory);
  await removeTree(directory);
  context.tokens.forget(uid);
}

/** UIDs of pods that have a directory or mounts on this node. */
export async function podsOnDisk(rootDir: string): Promise<string[]> {
  const prefix = `${rootDir}/pods`;
  const mounted = mountsBelow(await readMounts(), prefix).map(
    (point) => point.slice(prefix.length + 1).split('/')[0],
  );
  const names = new Set([...(await listDirectory(prefix)), ...mounted.filter((uid) => uid !== undefined)]);
  names.delete('');
  return [...names].sort();
}

/** Those among them that no source knows: their volumes are to be taken down. */
export async function orphans(rootDir: string, known: ReadonlySet<string>): Promise<string[]> {
  return (await podsOnDisk(rootDir)).filter((uid) => !known.has(uid));
}

async function each(
  volumes: readonly Volume[],
  pod: Pod,
  context: VolumeContext,
  signal: AbortSignal | undefined,
): Promise<Prepared> {
  const results = await Promise.allSettled(volumes.map((volume) => prepareOne(volume, pod, context, signal)));
  signal?.throwIfAborted();
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, errors.map((error) => error.message).join('; '));
  const prepared = new Map<string, PreparedVolume>();
  for (const [at, result] of results.entries())
    if (result.status === 'fulfilled') prepared.set(volumes[at]?.name ?? '', result.value);
  const again = [...prepared.values()].flatMap(({againInMs}) => (againInMs === undefined ? [] : [againInMs]));
  return {volumes: prepared, ...(again.length === 0 ? {} : {againInMs: Math.min(...again)})};
}

async function prepareOne(
  volume: Volume,
  pod: Pod,
  context: VolumeContext,
  signal: AbortSignal | undefined,
): Promise<PreparedVolume> {
  try {
    const plugin: VolumePlugin = pluginFor(volume);
    const directory = `${podDirectory(context.rootDir, pod.metadata.uid)}/volumes/${plugin.directory}/${volume.name}`;
    return await plugin.prepare({
      pod,
      volume,
      specName: volume.name,
      mode: 'Filesystem',
      readOnly: false,
      directory,
      context,
      signal,
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new VolumeError(volume.name, error);
  }
}
