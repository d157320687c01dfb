import type {CsiDriver} from '../../../../lib/kubernetes.ts';
import type {CsiVolume} from '../volume/source.ts';

/** What a CSIDriver object says of a driver, and what holds where there is none. Everything here is pure. */

/** Without an object a driver's volumes must be attached. */
export function attachRequired(driver: CsiDriver | undefined): boolean {
  return driver?.spec.attachRequired ?? true;
}

/** @throws for a volume that the driver does not offer in that way (csi_mounter.go, supportsVolumeLifecycleMode) */
export function checkLifecycle(volume: CsiVolume, driver: CsiDriver | undefined): void {
  const {lifecycle, driver: name} = volume;
  const check = 'kubernetes.io/csi: mounter.SetupAt failed to check volume lifecycle mode';
  if (driver === undefined) {
    if (lifecycle === 'Persistent') return;
    throw new Error(
      `${check}: volume mode "${lifecycle}" not supported by driver ${name} (no CSIDriver object)`,
    );
  }
  const modes = driver.spec.volumeLifecycleModes ?? ['Persistent'];
  if (modes.includes(lifecycle)) return;
  const only = modes.map((mode) => JSON.stringify(mode)).join(' ');
  throw new Error(
    `${check}: volume mode "${lifecycle}" not supported by driver ${name} (only supports [${only}])`,
  );
}

type FsGroupWish = {
  readonly fsGroup: number | undefined;
  /** The driver has the VOLUME_MOUNT_GROUP capability: it does it. */
  readonly delegated: boolean;
};

/** Whether the files of a volume are to be given to the pod's group by us (csi_mounter.go, supportsFSGroup). */
export function givesToGroup(
  volume: Pick<CsiVolume, 'readOnly' | 'block' | 'fsType' | 'lifecycle' | 'accessModes'>,
  driver: CsiDriver | undefined,
  {fsGroup, delegated}: FsGroupWish,
): boolean {
  if (fsGroup === undefined || delegated || volume.block || volume.readOnly) return false;
  const policy = driver?.spec.fsGroupPolicy ?? 'ReadWriteOnceWithFSType';
  if (policy === 'None') return false;
  if (policy === 'File') return true;
  if (volume.fsType === '') return false;
  if (volume.lifecycle === 'Ephemeral') return true;
  const once = ['ReadWriteOnce', 'ReadWriteOncePod'];
  return (volume.accessModes ?? []).some((mode) => once.includes(mode));
}

type PodFacts = {
  readonly metadata: {readonly name: string; readonly namespace: string; readonly uid: string};
  readonly spec: {readonly serviceAccountName?: string};
};

/** What a driver is told of the pod, where it asks to be (podInfoOnMount). */
export function podInfo(pod: PodFacts, volume: CsiVolume): Record<string, string> {
  const {name, namespace, uid} = pod.metadata;
  return {
    'csi.storage.k8s.io/pod.name': name,
    'csi.storage.k8s.io/pod.namespace': namespace,
    'csi.storage.k8s.io/pod.uid': uid,
    'csi.storage.k8s.io/serviceAccount.name': pod.spec.serviceAccountName ?? '',
    'csi.storage.k8s.io/ephemeral': String(volume.lifecycle === 'Ephemeral'),
  };
}

export const tokensAttribute = 'csi.storage.k8s.io/serviceAccount.tokens';
