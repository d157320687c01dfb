import {
  NodeServiceCapability_RPC_Type as Capability,
  VolumeCapability_AccessMode_Mode as Mode,
  type NodeGetCapabilitiesResponse,
} from '../../../../edges/csi/gen/csi_pb.ts';
import {type CsiVolume, toldAccessMode} from '../volume/source.ts';

export {Capability};

/** What a driver's node service can do beside publishing. */
export type Capabilities = ReadonlySet<Capability>;

export function capabilitiesOf({capabilities}: NodeGetCapabilitiesResponse): Capabilities {
  return new Set(capabilities.flatMap(({type}) => (type.case === 'rpc' ? [type.value.type] : [])));
}

/** csi_client.go: drivers that tell single-node modes apart are told more. */
export function accessMode(kubernetes: string, capabilities: Capabilities): Mode {
  const apart = capabilities.has(Capability.SINGLE_NODE_MULTI_WRITER);
  switch (kubernetes) {
    case 'ReadWriteOnce':
      return apart ? Mode.SINGLE_NODE_MULTI_WRITER : Mode.SINGLE_NODE_WRITER;
    case 'ReadWriteOncePod':
      return apart ? Mode.SINGLE_NODE_SINGLE_WRITER : Mode.SINGLE_NODE_WRITER;
    case 'ReadOnlyMany':
      return Mode.MULTI_NODE_READER_ONLY;
    case 'ReadWriteMany':
      return Mode.MULTI_NODE_MULTI_WRITER;
    default:
      return Mode.UNKNOWN;
  }
}

/** The wish that a volume is staged, published and expanded with. */
export function volumeCapability(
  volume: Pick<CsiVolume, 'accessModes' | 'block' | 'fsType' | 'mountOptions'>,
  capabilities: Capabilities,
  fsGroup: number | undefined,
) {
  const mode = {mode: accessMode(toldAccessMode(volume), capabilities)};
  if (volume.block) return {accessType: {case: 'block' as const, value: {}}, accessMode: mode};
  const volumeMountGroup =
    fsGroup !== undefined && capabilities.has(Capability.VOLUME_MOUNT_GROUP) ? String(fsGroup) : '';
  const {fsType, mountOptions} = volume;
  const value = {fsType, mountFlags: [...mountOptions], volumeMountGroup};
  return {accessType: {case: 'mount' as const, value}, accessMode: mode};
}
