import type {KubeClient} from '../../../../edges/kube/client.ts';
import {describeError} from '../../../../lib/errors.ts';
import type {Node, VolumeAttachment} from '../../../../lib/kubernetes.ts';
import {volumeAttachments} from '../../../../lib/resources.ts';
import {VolumeStepError, VolumeWaitError} from '../../types.ts';
import {attachmentName} from '../driver/names.ts';
import type {CsiVolume} from './source.ts';

export type AttachmentsOptions = {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly node: () => Node | undefined;
  /** enableControllerAttachDetach; a kubelet cannot attach a CSI volume itself. */
  readonly controllerAttaches: boolean;
  /** What is in use has changed: the Node's status has to say so soon. */
  readonly onInUse: () => void;
};

const timeoutMs = 10_000;

type Attached = Pick<CsiVolume, 'driver' | 'handle' | 'uniqueName' | 'block'>;

/** Waits for volumes that the cluster's attach-detach controller attaches to this node. */
export class Attachments {
  readonly #options: AttachmentsOptions;

  constructor(options: AttachmentsOptions) {
    this.#options = options;
  }

  /**
   * What the attacher gives the node to know of the volume. Kubernetes may detach what the Node's status does not
   * name as in use: nothing is done before it does.
   * @throws VolumeWaitError while it is not attached
   */
  async require(volume: Attached, signal?: AbortSignal): Promise<Record<string, string>> {
    const {node, controllerAttaches, onInUse} = this.#options;
    const volumesInUse = node()?.status?.volumesInUse ?? [];
    // Every volume that is attached goes this way once; `Waits` tells who waits for long.
    const verify = (message: string) =>
      new VolumeWaitError('VerifyControllerAttachedVolume failed', message, {quiet: true});
    if (!controllerAttaches)
      throw new VolumeStepError(
        'AttachVolume.Attach failed',
        'attaching volumes from the kubelet is not supported',
        {reason: 'FailedAttachVolume'},
      );
    if (!volumesInUse.includes(volume.uniqueName)) {
      onInUse();
      throw verify("Volume has not been added to the list of VolumesInUse in the node's volume status");
    }
    if (!this.isAttached(volume)) throw verify('Volume not attached according to node status');
    return this.#context(volume, signal);
  }

  isAttached({uniqueName}: Pick<Attached, 'uniqueName'>): boolean {
    const attached = this.#options.node()?.status?.volumesAttached ?? [];
    return attached.some(({name}) => name === uniqueName);
  }

  /** The attachment as the API has it. @throws its error, not found included */
  async find({driver, handle}: Attached, signal?: AbortSignal): Promise<VolumeAttachment> {
    const name = attachmentName(driver, handle, this.#options.nodeName);
    const options = signal === undefined ? {timeoutMs} : {timeoutMs, signal};
    return this.#options.client.get(volumeAttachments, {name}, options);
  }

  async #context(volume: Attached, signal: AbortSignal | undefined): Promise<Record<string, string>> {
    const {driver, handle, block} = volume;
    const verb = block ? 'MapVolume' : 'MountVolume';
    const reason = block ? 'FailedMapVolume' : 'FailedMount';
    const refuse = (message: string) =>
      new VolumeStepError(`${verb}.WaitForAttach failed`, message, {reason});
    const name = attachmentName(driver, handle, this.#options.nodeName);
    const found = await this.find(volume, signal).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw refuse(`volume ${handle} has GET error for volume attachment ${name}: ${describeError(error)}`);
    });
    const fault = attachmentFault(found, handle);
    if (fault !== undefined) throw refuse(fault);
    return found.status?.attachmentMetadata ?? {};
  }
}

/** Why an attachment cannot be used (csi_attacher.go, verifyAttachmentStatus); undefined: it can. */
export function attachmentFault(
  {metadata, status}: Pick<VolumeAttachment, 'metadata' | 'status'>,
  handle: string,
): string | undefined {
  if (metadata.deletionTimestamp !== undefined) return 'volume attachment is being deleted';
  if (status?.attached === true) return undefined;
  return (
    status?.attachError?.message ?? `volume ${handle} is not attached for volume attachment ${metadata.name}`
  );
}

/** google.golang.org/grpc/codes. */
const resourceExhausted = 8;

/** The attacher has said that this node can take no more volumes. */
export function isResourceExhausted({status}: Pick<VolumeAttachment, 'status'>): boolean {
  return status?.attachError?.errorCode === resourceExhausted;
}
