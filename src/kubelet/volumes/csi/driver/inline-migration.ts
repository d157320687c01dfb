import type {PersistentVolume, Volume} from '../../../../lib/kubernetes.ts';
import {migrated} from './migration.ts';

/**
 * Volumes of kinds that were once built into Kubernetes where a pod names them itself: their drivers know them as
 * persistent volumes that nobody has claimed (csi-translation-lib, TranslateInTreeInlineVolumeToCSI).
 * Undefined for a volume of another kind. Pure. @throws for one that no driver can have
 */
export function migratedInline(volume: Volume, namespace: string): PersistentVolume | undefined {
  const spec = specOf(volume, namespace);
  if (spec === undefined) return undefined;
  const found = migrated({metadata: {name: volume.name, uid: '', resourceVersion: ''}, spec});
  const {driver = '', volumeHandle = ''} = found.spec.csi ?? {};
  return {...found, metadata: {...found.metadata, name: nameOf(volume, driver, volumeHandle)}};
}

function specOf(volume: Volume, namespace: string): PersistentVolume['spec'] | undefined {
  const {awsElasticBlockStore, azureDisk, azureFile, cinder, gcePersistentDisk} = volume;
  const {portworxVolume, vsphereVolume} = volume;
  const once = ['ReadWriteOnce'];
  const orReaders = (readOnly = false) => (readOnly ? ['ReadOnlyMany'] : once);
  if (awsElasticBlockStore !== undefined) return {awsElasticBlockStore, accessModes: once};
  if (azureDisk !== undefined) return {azureDisk, accessModes: once};
  if (azureFile !== undefined)
    return {azureFile: {...azureFile, secretNamespace: namespace}, accessModes: ['ReadWriteMany']};
  if (cinder !== undefined) return {cinder: {...cinder, secretRef: undefined}, accessModes: once};
  if (gcePersistentDisk !== undefined)
    return {gcePersistentDisk, accessModes: orReaders(gcePersistentDisk.readOnly)};
  if (portworxVolume !== undefined) return {portworxVolume, accessModes: orReaders(portworxVolume.readOnly)};
  if (vsphereVolume !== undefined) return {vsphereVolume, accessModes: once};
  return undefined;
}

/** Unique for each disk, whoever names it: places are called after it. */
function nameOf({azureDisk, azureFile, gcePersistentDisk}: Volume, driver: string, handle: string): string {
  if (azureDisk !== undefined || azureFile !== undefined) return handle;
  return `${driver}-${gcePersistentDisk?.pdName ?? handle}`;
}
