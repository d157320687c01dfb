import type {PersistentVolume, PersistentVolumeClaim} from '../../../lib/kubernetes.ts';
import {quantityValue} from '../../../lib/quantity.ts';

/** Whether a volume has to grow on this node, and what its claim has to say of it. Everything here is pure. */

export type GrowthSeen = {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume;
  /** On this node, as last known; undefined: it is being mounted. */
  readonly knownBytes: number | undefined;
  /** An earlier try has failed for good. */
  readonly hasFailed: boolean;
};

export type Growth = {
  /** As the claim is to say it. */
  readonly size: string;
  readonly bytes: number;
  /** The resize controller follows our steps in the claim's allocatedResourceStatuses. */
  readonly followed: boolean;
  /** The claim has its new size already: another node was first. */
  readonly claimHasIt: boolean;
  /** The claim was changed again: a further failure is for the controller to sort out. */
  readonly infeasibleOnFailure: boolean;
};

const notRequired = 'volume.kubernetes.io/node-expansion-not-required';

/** Undefined: nothing is to be done here (now). */
export function growthOf(seen: GrowthSeen): Growth | undefined {
  const {claim, volume} = seen;
  const statusBytes = quantityValue(claim.status?.capacity?.storage);
  const volumeSize = volume.spec.capacity?.storage ?? '0';
  if (quantityValue(volumeSize) <= (seen.knownBytes ?? statusBytes)) return undefined;
  const resizeStatus = claim.status?.allocatedResourceStatuses?.storage ?? '';
  const allocated = claim.status?.allocatedResources?.storage;
  if (resizeStatus === '' && allocated === undefined) {
    // A resize controller from before RecoverVolumeExpansionFailure.
    const bytes = quantityValue(volumeSize);
    const claimHasIt = statusBytes >= bytes;
    return {size: volumeSize, bytes, followed: false, claimHasIt, infeasibleOnFailure: false};
  }
  const size = allocated ?? volumeSize;
  const bytes = quantityValue(size);
  const claimHasIt = statusBytes >= bytes && resizeStatus === '';
  if (!mayProceed(claim, resizeStatus, claimHasIt)) return undefined;
  const infeasibleOnFailure =
    seen.hasFailed && quantityValue(claim.spec.resources?.requests?.storage) !== bytes;
  return {size, bytes, followed: true, claimHasIt, infeasibleOnFailure};
}

/** node_expander.go, runPreCheck: a volume of several nodes grows on each of them. */
function mayProceed(claim: PersistentVolumeClaim, resizeStatus: string, claimHasIt: boolean): boolean {
  if (claimHasIt)
    return (
      claim.spec.accessModes?.includes('ReadWriteMany') === true &&
      claim.metadata.annotations?.[notRequired] === undefined
    );
  return resizeStatus === 'NodeResizePending' || resizeStatus === 'NodeResizeInProgress';
}

type Condition = NonNullable<NonNullable<PersistentVolumeClaim['status']>['conditions']>[number];
type ClaimPatch = {readonly metadata: {readonly resourceVersion: string}; readonly status: object};

const resizeConditions: readonly string[] = [
  'FileSystemResizePending',
  'Resizing',
  'ControllerResizeError',
  'NodeResizeError',
];

/** Patches of a claim's status, good only for the claim as it was read. */
export function inProgressPatch({metadata}: PersistentVolumeClaim): ClaimPatch {
  const {resourceVersion} = metadata;
  return {
    metadata: {resourceVersion},
    status: {allocatedResourceStatuses: {storage: 'NodeResizeInProgress'}},
  };
}

export function finishedPatch({metadata, status}: PersistentVolumeClaim, size: string): ClaimPatch {
  const {resourceVersion} = metadata;
  const conditions = (status?.conditions ?? []).filter(({type}) => !resizeConditions.includes(type));
  return {
    metadata: {resourceVersion},
    status: {capacity: {storage: size}, allocatedResourceStatuses: {storage: null}, conditions},
  };
}

export function failedPatch(
  {metadata, status}: PersistentVolumeClaim,
  message: string,
  now: string,
  infeasible: boolean,
): ClaimPatch {
  const {resourceVersion} = metadata;
  const before = status?.conditions ?? [];
  const type = 'NodeResizeError';
  const told = before.find((condition) => condition.type === type && condition.status === 'True');
  const error: Condition = told ?? {
    type,
    status: 'True',
    lastTransitionTime: now,
    message: `failed to expand pvc with ${message}`,
  };
  return {
    metadata: {resourceVersion},
    status: {
      ...(infeasible ? {allocatedResourceStatuses: {storage: 'NodeResizeInfeasible'}} : {}),
      conditions: [...before.filter((condition) => condition.type !== type), error],
    },
  };
}
