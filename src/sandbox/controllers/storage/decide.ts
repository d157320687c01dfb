import type {Decision} from '../../../lib/control/reconcile.ts';
import type {PersistentVolume, PersistentVolumeClaim, Pod} from '../../../lib/kubernetes.ts';
import {matchesSelector} from '../../../lib/labels.ts';
import {quantityValue} from '../../../lib/quantity.ts';
import {keyOf} from '../owners.ts';

export type StorageSeen = {
  readonly claims: readonly PersistentVolumeClaim[];
  readonly volumes: readonly PersistentVolume[];
};

export type StorageAct =
  | {readonly type: 'bind'; readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume}
  | {
      readonly type: 'claimPhase';
      readonly claim: PersistentVolumeClaim;
      readonly phase: 'Pending' | 'Lost';
    }
  | {
      readonly type: 'volumePhase';
      readonly volume: PersistentVolume;
      readonly phase: 'Available' | 'Released';
    };

/**
 * Binds claims to volumes that somebody has made, as kube-controller-manager's persistent volume controller does. There
 * is no provisioner: a CSI driver brings its own.
 */
export function decideStorage({claims, volumes}: StorageSeen): Decision<StorageAct> {
  const free = new Map(volumes.map((volume) => [volume.metadata.name, volume]));
  const acts: StorageAct[] = [];
  for (const claim of claims) {
    const act = claimAct(claim, free);
    if (act === undefined) continue;
    if (act.type === 'bind') free.delete(act.volume.metadata.name);
    acts.push(act);
  }
  const uids = new Map(claims.map((claim) => [keyOf(claim), claim.metadata.uid]));
  for (const volume of volumes) if (free.has(volume.metadata.name)) acts.push(...volumeActs(volume, uids));
  return {acts};
}

function claimAct(
  claim: PersistentVolumeClaim,
  free: ReadonlyMap<string, PersistentVolume>,
): StorageAct | undefined {
  if (claim.metadata.deletionTimestamp !== undefined) return undefined;
  const {volumeName} = claim.spec;
  const phase = claim.status?.phase;
  const named = volumeName ? free.get(volumeName) : undefined;
  if (phase === 'Bound' && named === undefined) return {type: 'claimPhase', claim, phase: 'Lost'};
  if (phase === 'Lost') return undefined;
  const volume = volumeName ? named : bestFit(claim, [...free.values()]);
  if (volume !== undefined && isFor(volume, claim))
    return isBound(claim, volume) ? undefined : {type: 'bind', claim, volume};
  return phase === undefined ? {type: 'claimPhase', claim, phase: 'Pending'} : undefined;
}

/** One that names the claim, whatever its size; else the smallest that is large enough. */
function bestFit(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
): PersistentVolume | undefined {
  const open = volumes.filter((volume) => isFor(volume, claim));
  const named = open.find(({spec}) => spec.claimRef !== undefined);
  return named ?? open.filter((volume) => fits(volume, claim)).sort((a, b) => size(a) - size(b))[0];
}

const size = ({spec}: PersistentVolume) => quantityValue(spec.capacity?.storage);

/** Nobody's yet, or meant for this very claim. */
function isFor({spec}: PersistentVolume, {metadata}: PersistentVolumeClaim): boolean {
  const {claimRef} = spec;
  if (claimRef === undefined) return true;
  if (claimRef.namespace !== metadata.namespace || claimRef.name !== metadata.name) return false;
  return !claimRef.uid || claimRef.uid === metadata.uid;
}

function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const {spec, metadata} = volume;
  const wish = claim.spec;
  return (
    metadata.deletionTimestamp === undefined &&
    (spec.storageClassName ?? '') === (wish.storageClassName ?? '') &&
    (spec.volumeMode ?? 'Filesystem') === (wish.volumeMode ?? 'Filesystem') &&
    (wish.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode)) &&
    size(volume) >= quantityValue(wish.resources?.requests?.storage) &&
    (wish.selector === undefined || matchesSelector(wish.selector, metadata.labels))
  );
}

function isBound(claim: PersistentVolumeClaim, {metadata, spec, status}: PersistentVolume): boolean {
  return (
    claim.status?.phase === 'Bound' &&
    claim.spec.volumeName === metadata.name &&
    spec.claimRef?.uid === claim.metadata.uid &&
    status?.phase === 'Bound'
  );
}

function volumeActs(volume: PersistentVolume, claims: ReadonlyMap<string, string>): StorageAct[] {
  const {claimRef} = volume.spec;
  const phase = volume.status?.phase;
  if (claimRef?.uid) {
    const claim = claims.get(`${claimRef.namespace}/${claimRef.name}`);
    return claim !== claimRef.uid && phase !== 'Released'
      ? [{type: 'volumePhase', volume, phase: 'Released'}]
      : [];
  }
  return phase === 'Available' ? [] : [{type: 'volumePhase', volume, phase: 'Available'}];
}

export type EphemeralSeen = {readonly pod: Pod; readonly claims: ReadonlySet<string>};
export type EphemeralAct = {readonly pod: Pod; readonly volume: string};

/** The claims that a pod's generic ephemeral volumes still need. */
export function decideEphemeral({pod, claims}: EphemeralSeen): Decision<EphemeralAct> {
  if (pod.metadata.deletionTimestamp !== undefined) return {acts: []};
  const missing = (pod.spec.volumes ?? []).filter(
    ({name, ephemeral}) =>
      ephemeral !== undefined && !claims.has(`${pod.metadata.namespace}/${pod.metadata.name}-${name}`),
  );
  return {acts: missing.map(({name}) => ({pod, volume: name}))};
}
