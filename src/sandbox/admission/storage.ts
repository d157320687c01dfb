import type {
  CsiDriver,
  PersistentVolume,
  PersistentVolumeClaim,
  ResourceClaim,
} from '../../lib/kubernetes.ts';

/** pkg/apis/storage/v1/defaults.go. */
export function defaultCsiDriver({spec}: CsiDriver): void {
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
  if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
}

/** pkg/apis/core/v1/defaults.go; the protection finalizers are left away, since nobody here would take them off. */
export function defaultPersistentVolume(volume: PersistentVolume): void {
  const {spec} = volume;
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  if (spec.hostPath) spec.hostPath.type ??= '';
  volume.status ??= {phase: 'Pending'};
}

export function defaultClaim(claim: PersistentVolumeClaim): void {
  claim.spec.volumeMode ??= 'Filesystem';
  claim.status ??= {phase: 'Pending'};
}

/** pkg/apis/resource/v1/defaults.go. */
export function defaultResourceClaim({spec}: ResourceClaim): void {
  for (const request of spec.devices?.requests ?? [])
    for (const asked of [request.exactly, ...(request.firstAvailable ?? [])]) {
      if (asked === undefined) continue;
      asked.allocationMode ||= 'ExactCount';
      if (asked.allocationMode === 'ExactCount') asked.count ||= 1;
    }
}
