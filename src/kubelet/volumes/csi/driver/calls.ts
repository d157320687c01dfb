import type {CsiNodeService} from '../../../../edges/csi/client.ts';
import {VolumeUsage_Unit as Unit} from '../../../../edges/csi/gen/csi_pb.ts';
import type {VolumeUsage} from '../../types.ts';
import type {CsiVolume} from '../volume/source.ts';
import {type Capabilities, Capability, volumeCapability} from './capability.ts';

/** A driver, and what it can do. */
export type AskedDriver = {readonly node: CsiNodeService; readonly capabilities: Capabilities};

type Options = {readonly signal?: AbortSignal};
type Words = Readonly<Record<string, string>>;

export type StageWish = {
  readonly volume: CsiVolume;
  readonly stagingPath: string;
  readonly publishContext: Words;
  readonly secrets: Words;
  readonly fsGroup: number | undefined;
};

export async function stageVolume(
  {node, capabilities}: AskedDriver,
  {volume, stagingPath, publishContext, secrets, fsGroup}: StageWish,
  options: Options,
): Promise<void> {
  await node.nodeStageVolume(
    {
      volumeId: volume.handle,
      publishContext: {...publishContext},
      stagingTargetPath: stagingPath,
      volumeCapability: volumeCapability(volume, capabilities, fsGroup),
      secrets: {...secrets},
      volumeContext: {...volume.attributes},
    },
    options,
  );
}

export type PublishWish = StageWish & {
  readonly targetPath: string;
  /** Attributes of the volume, the pod's among them where the driver asks for them. */
  readonly volumeContext: Words;
};

export async function publishVolume(
  {node, capabilities}: AskedDriver,
  wish: PublishWish,
  options: Options,
): Promise<void> {
  const {volume, fsGroup} = wish;
  await node.nodePublishVolume(
    {
      volumeId: volume.handle,
      publishContext: {...wish.publishContext},
      stagingTargetPath: wish.stagingPath,
      targetPath: wish.targetPath,
      volumeCapability: volumeCapability(volume, capabilities, fsGroup),
      readonly: volume.readOnly,
      secrets: {...wish.secrets},
      volumeContext: {...wish.volumeContext},
    },
    options,
  );
}

export type ExpandWish = {
  readonly volume: CsiVolume;
  readonly path: string;
  readonly stagingPath: string;
  readonly bytes: number;
  readonly secrets: Words;
};

export async function expandVolume(
  {node, capabilities}: AskedDriver,
  {volume, path, stagingPath, bytes, secrets}: ExpandWish,
  options: Options,
): Promise<void> {
  await node.nodeExpandVolume(
    {
      volumeId: volume.handle,
      volumePath: path,
      capacityRange: {requiredBytes: BigInt(bytes)},
      stagingTargetPath: stagingPath,
      volumeCapability: volumeCapability(volume, capabilities, undefined),
      secrets: {...secrets},
    },
    options,
  );
}

/** Undefined: the driver does not measure its volumes. */
export async function volumeUsage(
  {node, capabilities}: AskedDriver,
  volumeId: string,
  volumePath: string,
  options: Options,
): Promise<VolumeUsage | undefined> {
  if (!capabilities.has(Capability.GET_VOLUME_STATS)) return undefined;
  const {usage, volumeCondition} = await node.nodeGetVolumeStats({volumeId, volumePath}, options);
  const bytes = usage.find(({unit}) => unit === Unit.BYTES);
  const inodes = usage.find(({unit}) => unit === Unit.INODES);
  const condition = capabilities.has(Capability.VOLUME_CONDITION) ? volumeCondition : undefined;
  return {
    ...(bytes === undefined
      ? {}
      : {
          capacityBytes: Number(bytes.total),
          availableBytes: Number(bytes.available),
          usedBytes: Number(bytes.used),
        }),
    ...(inodes === undefined
      ? {}
      : {
          inodes: Number(inodes.total),
          inodesFree: Number(inodes.available),
          inodesUsed: Number(inodes.used),
        }),
    ...(condition === undefined ? {} : {abnormal: condition.abnormal}),
  };
}
