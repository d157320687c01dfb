import type {Obj} from '../../contract.ts';
import {objectAt, objectsAt, textAt, textsAt} from '../../json.ts';
import type {Column} from '../definition.ts';
import {ageColumn, boolean, column, flag, nameColumn, none, text, wide} from './shared.ts';

const short: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

const modes = (object: Obj, ...path: string[]) =>
  textsAt(object, ...path)
    .map((mode) => short[mode] ?? mode)
    .join(',');

function phase(object: Obj): string {
  return object.metadata.deletionTimestamp === undefined
    ? (textAt(object, 'status', 'phase') ?? '')
    : 'Terminating';
}

export const volumeColumns: readonly Column[] = [
  nameColumn,
  column('Capacity', text('', 'spec', 'capacity', 'storage')),
  column('Access Modes', (pv) => modes(pv, 'spec', 'accessModes')),
  column('Reclaim Policy', text('', 'spec', 'persistentVolumeReclaimPolicy')),
  column('Status', phase),
  column('Claim', (pv) => {
    const {namespace, name} = objectAt(pv, 'spec', 'claimRef');
    return name === undefined ? '' : `${namespace}/${name}`;
  }),
  column('StorageClass', text('', 'spec', 'storageClassName')),
  column('VolumeAttributesClass', text('<unset>', 'spec', 'volumeAttributesClassName')),
  column('Reason', text('', 'status', 'reason')),
  ageColumn,
  column('VolumeMode', text('<unset>', 'spec', 'volumeMode'), wide),
];

export const claimColumns: readonly Column[] = [
  nameColumn,
  column('Status', phase),
  column('Volume', text('', 'spec', 'volumeName')),
  column('Capacity', text('', 'status', 'capacity', 'storage')),
  column('Access Modes', (pvc) => modes(pvc, 'status', 'accessModes')),
  column('StorageClass', text('', 'spec', 'storageClassName')),
  column('VolumeAttributesClass', text('<unset>', 'spec', 'volumeAttributesClassName')),
  ageColumn,
  column('VolumeMode', text('<unset>', 'spec', 'volumeMode'), wide),
];

const defaultClass = 'storageclass.kubernetes.io/is-default-class';

export const storageClassColumns: readonly Column[] = [
  column('Name', ({metadata}) =>
    metadata.annotations?.[defaultClass] === 'true' ? `${metadata.name} (default)` : metadata.name,
  ),
  column('Provisioner', text('', 'provisioner')),
  column('ReclaimPolicy', text('Delete', 'reclaimPolicy')),
  column('VolumeBindingMode', text('Immediate', 'volumeBindingMode')),
  column('AllowVolumeExpansion', flag(false, 'allowVolumeExpansion'), boolean),
  ageColumn,
];

export const attachmentColumns: readonly Column[] = [
  nameColumn,
  column('Attacher', text('', 'spec', 'attacher')),
  column('PV', text('', 'spec', 'source', 'persistentVolumeName')),
  column('Node', text('', 'spec', 'nodeName')),
  column('Attached', flag(false, 'status', 'attached'), boolean),
  ageColumn,
];

export const driverColumns: readonly Column[] = [
  nameColumn,
  column('AttachRequired', flag(true, 'spec', 'attachRequired'), boolean),
  column('PodInfoOnMount', flag(false, 'spec', 'podInfoOnMount'), boolean),
  column('StorageCapacity', flag(false, 'spec', 'storageCapacity'), boolean),
  column('TokenRequests', (driver) => {
    const requests = objectsAt(driver, 'spec', 'tokenRequests');
    return requests.map((r) => textAt(r, 'audience') ?? '').join(',') || '<unset>';
  }),
  column('RequiresRepublish', flag(false, 'spec', 'requiresRepublish'), boolean),
  column('Modes', (driver) => textsAt(driver, 'spec', 'volumeLifecycleModes').join(',') || none),
  ageColumn,
];
