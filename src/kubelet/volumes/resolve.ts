import {describeError} from '../../lib/errors.ts';
import type {Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume} from '../../lib/kubernetes.ts';
import {matchesNodeSelector} from '../admission/predicates.ts';
import {migratedInline} from './csi/driver/inline-migration.ts';
import {migrated} from './csi/driver/migration.ts';
import type {VolumeContext, VolumeMode, VolumeRequest} from './types.ts';

export type ResolvedVolume = Pick<VolumeRequest, 'persistent' | 'specName' | 'mode' | 'readOnly'>;

/** Names of the volumes that the pod's containers use; what none of them uses is not made. */
export type VolumeUses = {readonly mounts: ReadonlySet<string>; readonly devices: ReadonlySet<string>};

/** A claim that leads nowhere (yet): it is looked at again soon. */
export class ClaimError extends Error {
  override readonly name = 'ClaimError';
  readonly waiting = true;
}

const protection = 'kubernetes.io/pvc-protection';

export function volumeUses({spec}: Pod): VolumeUses {
  const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  const mounts = all.flatMap(({volumeMounts = []}) => volumeMounts.map(({name}) => name));
  const devices = all.flatMap(({volumeDevices = []}) => volumeDevices.map(({name}) => name));
  return {mounts: new Set(mounts), devices: new Set(devices)};
}

export function isUsed({name}: Volume, {mounts, devices}: VolumeUses): boolean {
  return mounts.has(name) || devices.has(name);
}

/** The claim that a volume goes by: the one it names, or the one that is made for it (generic ephemeral volumes). */
export function claimName(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral === undefined ? undefined : `${pod.metadata.name}-${volume.name}`;
}

/**
 * Follows a claim to what it is bound to (pkg/kubelet/volumemanager/populator).
 * @throws ClaimError in Kubernetes' words
 */
export async function resolveVolume(
  pod: Pod,
  volume: Volume,
  {claims}: Pick<VolumeContext, 'claims'>,
  signal?: AbortSignal,
): Promise<ResolvedVolume> {
  const name = claimName(pod, volume);
  if (name === undefined) return resolveOwn(pod, volume);
  const {namespace} = pod.metadata;
  try {
    const claim = await fetched('failed to fetch PVC from API server', signal, () =>
      claims.claim(namespace, name, signal),
    );
    refuse(claimFault(claim));
    const bound = claim.spec.volumeName ?? '';
    const stored = await fetched(`failed to fetch PV ${bound} from API server`, signal, () =>
      claims.volume(bound, signal),
    );
    refuse(bindingFault(stored, claim));
    const found = migrated(stored);
    if (volume.ephemeral !== undefined && !isOwner(pod, claim))
      throw new SpecFault(
        `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`,
      );
    const mode = modeOf(found);
    refuseMode(volume, mode, volumeUses(pod));
    const readOnly = volume.persistentVolumeClaim?.readOnly ?? false;
    const persistent = {claim, volume: found, migrated: found !== stored};
    return {persistent, specName: found.metadata.name, mode, readOnly};
  } catch (error) {
    signal?.throwIfAborted();
    throw new ClaimError(unprocessed(volume, `${namespace}/${name}`, error), {cause: error});
  }
}

/** A volume without a claim; of a kind that was once built in, its driver has it. */
function resolveOwn({metadata}: Pod, volume: Volume): ResolvedVolume {
  const own = {specName: volume.name, mode: 'Filesystem' as const, readOnly: false};
  try {
    const found = migratedInline(volume, metadata.namespace);
    if (found === undefined) return {...own, persistent: undefined};
    const persistent = {claim: undefined, volume: found, migrated: true};
    // A name is one part of a path.
    const specName = found.metadata.name.replaceAll('/', '~');
    return {...own, persistent, specName, readOnly: found.spec.csi?.readOnly ?? false};
  } catch (error) {
    const fault = new SpecFault(`failed to translate in-tree pv to CSI: ${describeError(error)}`);
    throw new ClaimError(unprocessed(volume, volume.name, fault), {cause: error});
  }
}

/** Why a claim does not lead on; undefined: it does. */
export function claimFault({metadata, spec, status}: PersistentVolumeClaim): string | undefined {
  // A protected claim stays as long as its pods: those that run go on, also over a restart of the kubelet.
  if (metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(protection) !== true)
    return 'PVC is being deleted';
  if (status?.phase !== 'Bound') return 'PVC is not bound';
  return spec.volumeName ? undefined : 'PVC has empty pvc.Spec.VolumeName';
}

export function bindingFault(
  {metadata, spec}: PersistentVolume,
  claim: PersistentVolumeClaim,
): string | undefined {
  const {claimRef} = spec;
  if (claimRef === undefined)
    return `found PV object ${metadata.name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`;
  if (claimRef.uid === claim.metadata.uid) return undefined;
  return `found PV object ${metadata.name} but its pv.Spec.ClaimRef.UID ${claimRef.uid ?? ''} does not point to claim.UID ${claim.metadata.uid}`;
}

/** Whether a PersistentVolume may be used on this node; its own name is no field to select by here. */
export function isReachable({spec}: PersistentVolume, node: Node): boolean {
  const required = spec.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required, node.metadata.labels ?? {}, {});
}

/** No other pod may have it while one has. */
export function isForOnePod({spec}: PersistentVolume): boolean {
  return spec.accessModes?.length === 1 && spec.accessModes[0] === 'ReadWriteOncePod';
}

function isOwner({metadata}: Pod, claim: PersistentVolumeClaim): boolean {
  return (claim.metadata.ownerReferences ?? []).some(
    ({controller, uid}) => controller === true && uid === metadata.uid,
  );
}

function modeOf({spec}: PersistentVolume): VolumeMode {
  return spec.volumeMode === 'Block' ? 'Block' : 'Filesystem';
}

function refuseMode({name}: Volume, mode: VolumeMode, {mounts, devices}: VolumeUses): void {
  const wrong = (list: string) => `volume ${name} has volumeMode ${mode}, but is specified in ${list}`;
  if (mounts.has(name) && mode !== 'Filesystem') throw new SpecFault(wrong('volumeMounts'));
  if (devices.has(name) && mode !== 'Block') throw new SpecFault(wrong('volumeDevices'));
}

async function fetched<T>(what: string, signal: AbortSignal | undefined, get: () => Promise<T>): Promise<T> {
  try {
    return await get();
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(`${what}: ${describeError(error)}`, {cause: error});
  }
}

function refuse(fault: string | undefined): void {
  if (fault !== undefined) throw new Error(fault);
}

/** A fault of the pod's own words: told without the claim's name. */
class SpecFault extends Error {}

function unprocessed({name}: Volume, claim: string, error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  const told = error instanceof SpecFault ? why : `error processing PVC ${claim}: ${why}`;
  return `Unable to attach or mount volumes: unmounted volumes=[${name}], unattached volumes=[], failed to process volumes=[${name}]: ${told}`;
}
