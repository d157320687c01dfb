import type {PersistentVolume, PersistentVolumeClaim} from '../../../../lib/kubernetes.ts';
import {contextOption} from '../../access/selinux.ts';
import type {VolumeRequest} from '../../types.ts';
import {inlineHandle, uniqueVolumeName} from '../driver/names.ts';

export type SecretReference = {readonly namespace: string; readonly name: string};

/** A CSI volume as a pod wants it, whichever way it names it. */
export type CsiVolume = {
  readonly driver: string;
  readonly handle: string;
  /** kubernetes.io/csi/<driver>^<handle> */
  readonly uniqueName: string;
  readonly specName: string;
  readonly lifecycle: 'Persistent' | 'Ephemeral';
  readonly block: boolean;
  readonly readOnly: boolean;
  readonly fsType: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly mountOptions: readonly string[];
  /** The SELinux label that it is mounted with. */
  readonly label?: string;
  /** Undefined where the persistent volume names none. */
  readonly accessModes: readonly string[] | undefined;
  readonly stageSecret: SecretReference | undefined;
  readonly publishSecret: SecretReference | undefined;
  readonly expandSecret: SecretReference | undefined;
  readonly claim: PersistentVolumeClaim | undefined;
  readonly persistentVolume: PersistentVolume | undefined;
};

type Reference = {readonly name?: string; readonly namespace?: string};

/** @throws for a volume that has no CSI source */
export function csiVolume(request: VolumeRequest): CsiVolume {
  return request.persistent === undefined
    ? inlineVolume(request)
    : persistentVolume(request, request.persistent);
}

function inlineVolume({pod, volume, specName}: VolumeRequest): CsiVolume {
  const {csi} = volume;
  if (csi === undefined) throw new Error('volume source not found in volume.Spec');
  const {uid, namespace} = pod.metadata;
  const handle = inlineHandle(uid, specName);
  return {
    driver: csi.driver,
    handle,
    uniqueName: uniqueVolumeName(csi.driver, handle),
    specName,
    lifecycle: 'Ephemeral',
    block: false,
    readOnly: csi.readOnly ?? false,
    fsType: csi.fsType ?? '',
    attributes: csi.volumeAttributes ?? {},
    mountOptions: [],
    accessModes: undefined,
    stageSecret: undefined,
    publishSecret: secretReference({...csi.nodePublishSecretRef, namespace}),
    expandSecret: undefined,
    claim: undefined,
    persistentVolume: undefined,
  };
}

function persistentVolume(
  {specName, mode, readOnly}: VolumeRequest,
  {volume, claim}: NonNullable<VolumeRequest['persistent']>,
): CsiVolume {
  const {csi, accessModes, mountOptions = []} = volume.spec;
  if (csi === undefined) throw new Error('volume source not found in volume.Spec');
  if (csi.volumeHandle === '') throw new Error('CSIPersistentVolumeSource volume handle is empty');
  return {
    driver: csi.driver,
    handle: csi.volumeHandle,
    uniqueName: uniqueVolumeName(csi.driver, csi.volumeHandle),
    specName,
    lifecycle: 'Persistent',
    block: mode === 'Block',
    readOnly,
    fsType: csi.fsType ?? '',
    attributes: csi.volumeAttributes ?? {},
    mountOptions,
    accessModes,
    stageSecret: secretReference(csi.nodeStageSecretRef),
    publishSecret: secretReference(csi.nodePublishSecretRef),
    expandSecret: secretReference(csi.nodeExpandSecretRef),
    claim,
    persistentVolume: volume,
  };
}

/** The same volume, mounted with a label. */
export function labelled(volume: CsiVolume, label: string | undefined): CsiVolume {
  if (label === undefined) return volume;
  return {...volume, label, mountOptions: [...volume.mountOptions, contextOption(label)]};
}

function secretReference(reference: Reference | undefined): SecretReference | undefined {
  const {name = '', namespace = ''} = reference ?? {};
  return name === '' ? undefined : {name, namespace};
}

/** The one that a driver is told: the first (csi_attacher.go); ReadWriteOnce where there is none. */
export function toldAccessMode({accessModes}: Pick<CsiVolume, 'accessModes'>): string {
  return accessModes?.[0] ?? 'ReadWriteOnce';
}

/** Nobody else on this node may have it at the same time (operation_generator.go). */
export function isOnlyForOnePod({accessModes}: Pick<CsiVolume, 'accessModes'>): boolean {
  return accessModes?.length === 1 && accessModes[0] === 'ReadWriteOncePod';
}
