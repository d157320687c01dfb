import {removeEmptyTree} from '../../edges/files/empty-places.ts';
import {ensureDirectory, removeTree} from '../../edges/files/trees.ts';
import {unmountEach} from '../../edges/mounts/mount-batch.ts';
import {type MountEntry, mountsAtOrBelow, mountsUpon, readMounts} from '../../edges/mounts/mounts.ts';
import type {Pod, Volume} from '../../lib/kubernetes.ts';
import type {ObjectReference} from '../api/objects.ts';
import {configMap} from './kinds/config-map.ts';
import {downwardApi} from './kinds/downward-api.ts';
import {emptyDir} from './kinds/empty-dir.ts';
import {projected} from './kinds/projected.ts';
import {secret} from './kinds/secret.ts';
import {type FoundPlace, placesOf, podDirectory, podsOnDisk, podsUsing, volumeDirectory} from './places.ts';
import {allPlugins, follows, pluginFor, shows} from './registry.ts';
import {isForOnePod, isReachable, isUsed, type ResolvedVolume, resolveVolume, volumeUses} from './resolve.ts';
import {unlessTooEarly} from './too-early.ts';
import {
  type PreparedVolume,
  type VolumeContext,
  VolumeError,
  type VolumePlace,
  type VolumePlugin,
  VolumeRejection,
  VolumeStepError,
  VolumeWaitError,
} from './types.ts';
import {driverOf, measureMount, measureUnmounts, pluginName} from './usage/measure.ts';

/** A volume that stands, with what made it. */
export type StandingVolume = PreparedVolume & {
  readonly plugin: VolumePlugin;
  readonly place: VolumePlace;
  /** Of CSI. */
  readonly driver?: string | undefined;
};

/** By the volume's name in the pod. */
export type Prepared = ReadonlyMap<string, StandingVolume>;

/**
 * Makes all volumes that a pod's containers use, side by side; those that exist are left as they are, or brought up
 * to date.
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
  return each(usedVolumes(pod), pod, context, signal);
}

/**
 * Brings the volumes that follow objects of the API up to date, or those that show the one that has changed: called
 * when an object of the pod, its labels or its annotations have changed, and when `againInMs` has passed. What cannot
 * be had now keeps its last content.
 */
export async function refreshVolumes(
  pod: Pod,
  context: VolumeContext,
  changed?: ObjectReference,
): Promise<Prepared> {
  const concerned = (volume: Volume) => changed === undefined || shows(volume, changed);
  const volumes = usedVolumes(pod).filter((volume) => follows(volume) && concerned(volume));
  return each(volumes, pod, context, undefined);
}

/**
 * Takes down all of a pod's volumes and its directory, subPath mounts and what containers have mounted in them
 * included. Nothing is removed as long as a mount is left.
 * @throws while something is busy; what could be done is done
 */
export async function teardownVolumes(
  uid: string,
  context: Pick<VolumeContext, 'rootDir' | 'tokens' | 'plugins' | 'measured'>,
): Promise<void> {
  const {rootDir} = context;
  const directory = podDirectory(rootDir, uid);
  const beginMs = performance.now();
  // Sub-paths hold a volume, and containers may have mounted in it or over it: these go before it is given back.
  let mounted: readonly MountEntry[] = await readMounts(directory);
  mounted = await without(mounted, mountsAtOrBelow(mounted, `${directory}/volume-subpaths`), directory);
  mounted = await without(mounted, mountsUpon(mounted, directory), directory);
  const places = await placesOf(rootDir, uid);
  try {
    if (await releaseAll(places, allPlugins(context.plugins))) mounted = await readMounts(directory);
    await unmountEach(mountsAtOrBelow(mounted, directory));
    await removePersistent(places);
    await removeTree(directory);
    measureUnmounts(context, places, beginMs, false);
  } catch (error) {
    measureUnmounts(context, places, beginMs, true);
    throw error;
  }
  context.tokens.forget(uid);
  await collectShared(context);
}

/**
 * Unmounts these of what was read, and tells what is mounted then. The kernel takes two milliseconds to list the mounts
 * of a hundred pods: it is asked again only where something has changed.
 */
async function without(
  mounted: readonly MountEntry[],
  points: readonly string[],
  directory: string,
): Promise<readonly MountEntry[]> {
  if (points.length === 0) return mounted;
  await unmountEach(points);
  return readMounts(directory);
}

/** Whether any plugin had something to give back. */
async function releaseAll(places: readonly FoundPlace[], plugins: readonly VolumePlugin[]): Promise<boolean> {
  const failed: unknown[] = [];
  let any = false;
  for (const place of places) {
    const owner = plugins.find((plugin) => plugin.directory === place.plugin);
    any ||= owner?.release !== undefined;
    await owner?.release?.(place).catch((error: unknown) => failed.push(error));
  }
  if (failed.length > 0)
    throw failed.length === 1 ? failed[0] : new AggregateError(failed, failed.join('; '));
  return any;
}

/** Kinds whose files live and die with their pod. */
const perishable: ReadonlySet<string> = new Set([
  ...[emptyDir, configMap, secret, downwardApi, projected].map(({directory}) => directory),
]);

/**
 * The place of any other volume is only where it was mounted: files in it were written while it was not, and somebody
 * may miss them. They stay, and the pod's end says so (pkg/volume/util/removeall, os.Remove).
 */
async function removePersistent(places: readonly FoundPlace[]): Promise<void> {
  for (const {plugin, directory} of places) if (!perishable.has(plugin)) await removeEmptyTree(directory);
}

/** Gives back what pods have shared and none uses any more. */
export async function collectShared({
  rootDir,
  plugins,
}: Pick<VolumeContext, 'rootDir' | 'plugins'>): Promise<void> {
  for (const plugin of allPlugins(plugins)) await plugin.collect?.(rootDir);
}

/** Those pods on the disk that no source knows: their volumes are to be taken down. */
export async function orphans(rootDir: string, known: ReadonlySet<string>): Promise<string[]> {
  return (await podsOnDisk(rootDir)).filter((uid) => !known.has(uid));
}

function usedVolumes(pod: Pod): Volume[] {
  const uses = volumeUses(pod);
  return (pod.spec.volumes ?? []).filter((volume) => isUsed(volume, uses));
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
  const prepared = new Map<string, StandingVolume>();
  for (const [at, result] of results.entries())
    if (result.status === 'fulfilled') prepared.set(volumes[at]?.name ?? '', result.value);
  return prepared;
}

async function prepareOne(
  volume: Volume,
  pod: Pod,
  context: VolumeContext,
  signal: AbortSignal | undefined,
): Promise<StandingVolume> {
  const {uid} = pod.metadata;
  const resolved = await unlessTooEarly(signal, () => resolveVolume(pod, volume, context, signal));
  try {
    const plugin = pluginFor(volume, resolved.persistent?.volume, context.plugins);
    await check(plugin, resolved, pod, context);
    const {specName, mode} = resolved;
    const {rootDir} = context;
    const directory = volumeDirectory(rootDir, uid, plugin.directory, specName, mode);
    const request = {...resolved, pod, volume, directory, context, signal};
    const migrated = resolved.persistent?.migrated === true;
    const what = {plugin: pluginName(plugin, volume, resolved), mode, migrated};
    const prepared = await measureMount(context, what, () =>
      unlessTooEarly(signal, () => plugin.prepare(request)),
    );
    const group = supplementalGroup(resolved);
    const place = {uid, specName, mode, directory, rootDir};
    const driver = driverOf(volume, resolved);
    return {...prepared, plugin, place, driver, ...(group === undefined ? {} : {supplementalGroup: group})};
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof VolumeRejection) throw error;
    throw new VolumeError(resolved.specName, error);
  }
}

/** What is asked of every persistent volume, whatever its kind (pkg/volume/util/operationexecutor). */
async function check(
  plugin: VolumePlugin,
  {persistent, specName, mode}: ResolvedVolume,
  {metadata}: Pod,
  {rootDir, node}: VolumeContext,
): Promise<void> {
  if (persistent === undefined) return;
  const {volume} = persistent;
  const [verb, reason] = mode === 'Block' ? ['MapVolume', 'FailedMapVolume'] : ['MountVolume', 'FailedMount'];
  const refuse = (step: string, message: string) => new VolumeStepError(`${verb}.${step}`, message, {reason});
  const here = node();
  if (here === undefined) throw refuse('NodeAffinity check failed', 'the Node is not known yet');
  if (!isReachable(volume, here))
    throw new VolumeStepError(`${verb}.NodeAffinity check failed`, 'no matching NodeSelectorTerms');
  if (mode === 'Block' && plugin.devices !== true)
    throw refuse('FindMapperPluginBySpec failed', 'no volume plugin matched');
  if ((volume.spec.mountOptions ?? []).length > 0 && plugin.mountOptions !== true)
    throw refuse('MountOptionSupport check failed', 'Mount options are not supported for this volume type');
  if (!isForOnePod(volume)) return;
  const users = await podsUsing(rootDir, plugin.directory, specName);
  if (users.some((other) => other !== metadata.uid))
    throw new VolumeWaitError(
      mode === 'Block' ? 'MapVolume.SetUpDevice failed' : 'MountVolume.SetUp failed',
      'volume uses the ReadWriteOncePod access mode and is already in use by another pod',
      {reason},
    );
}

const groupAnnotation = 'pv.beta.kubernetes.io/gid';

function supplementalGroup({persistent}: ResolvedVolume): number | undefined {
  const text = persistent?.volume.metadata.annotations?.[groupAnnotation];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
