import {isFinal} from '../../../../edges/csi/client.ts';
import {removeEmpty} from '../../../../edges/files/empty-places.ts';
import {linkAtomic} from '../../../../edges/files/files.ts';
import {ensureDirectory} from '../../../../edges/files/trees.ts';
import type {KubeClient} from '../../../../edges/kube/client.ts';
import {hasLabels, isMounted, unmount} from '../../../../edges/mounts/mounts.ts';
import type {CsiDriver} from '../../../../lib/kubernetes.ts';
import {timestamp} from '../../../../lib/time.ts';
import {giveToGroup} from '../../access/fs-group.ts';
import {linkDevice} from '../../devices.ts';
import type {PreparedVolume, VolumePlace, VolumeRequest} from '../../types.ts';
import {type AskedDriver, publishVolume} from '../driver/calls.ts';
import {Capability} from '../driver/capability.ts';
import {givesToGroup, podInfo, tokensAttribute} from '../driver/driver-rules.ts';
import {attachmentName, blockPlaces} from '../driver/names.ts';
import {secretWords} from '../driver/secrets.ts';
import {removeMountNote, targetPath} from './on-disk.ts';
import type {CsiVolume} from './source.ts';
import {writeVolumeData} from './volume-data.ts';

export type PublishRequest = {
  readonly request: VolumeRequest;
  readonly volume: CsiVolume;
  readonly object: CsiDriver | undefined;
  readonly stagingPath: string;
  readonly publishContext: Readonly<Record<string, string>>;
  /** The pod has it already: it is published again because its driver asks for that. */
  readonly again: boolean;
};

type Words = Record<string, string>;

/** Publishes volumes to pods. Its callers see to it that one volume has one call at a time. */
export class Publisher {
  readonly #client: KubeClient;
  readonly #nodeName: string;

  constructor(client: KubeClient, nodeName: string) {
    this.#client = client;
    this.#nodeName = nodeName;
  }

  async publish(driver: AskedDriver, wish: PublishRequest): Promise<PreparedVolume> {
    const {request, volume, object} = wish;
    const {pod, signal} = request;
    const fsGroup = pod.spec.securityContext?.fsGroup;
    const target = targetPath(placeOf(request));
    const secrets = await this.#secrets(wish);
    await this.#note(wish, target);
    try {
      const {stagingPath, publishContext} = wish;
      const call = {volume, stagingPath, publishContext, fsGroup, targetPath: target, ...secrets};
      await publishVolume(driver, call, signal === undefined ? {} : {signal});
    } catch (error) {
      if (isFinal(error) && !wish.again) await forget(request, target).catch(() => undefined);
      throw error;
    }
    if (volume.block) return linkDevice(request, target);
    const delegated = driver.capabilities.has(Capability.VOLUME_MOUNT_GROUP);
    if (givesToGroup(volume, object, {fsGroup, delegated})) await giveToGroup(request, target);
    const relabel = volume.label === undefined && !volume.readOnly && (await hasLabels(target));
    return {path: target, readOnly: volume.readOnly, relabel};
  }

  /** Secrets of the volume, and what the driver wants to know of the pod (csi_mounter.go). */
  async #secrets({request, volume, object}: PublishRequest): Promise<{secrets: Words; volumeContext: Words}> {
    const {pod, signal} = request;
    const secrets = await secretWords(this.#client, volume.publishSecret, 'NodePublishSecretRef', signal);
    const info = object?.spec.podInfoOnMount === true ? podInfo(pod, volume) : {};
    const volumeContext = {...volume.attributes, ...info};
    const tokens = volume.block ? {} : await tokenWords(request, object);
    return object?.spec.serviceAccountTokenInSecrets === true
      ? {secrets: {...secrets, ...tokens}, volumeContext}
      : {secrets, volumeContext: {...volumeContext, ...tokens}};
  }

  /** From here on there may be something to unpublish, whatever happens to us. */
  async #note({request, volume}: PublishRequest, target: string): Promise<void> {
    const {pod, directory, context} = request;
    const {uid} = pod.metadata;
    const {driver, handle, specName, label} = volume;
    if (volume.block) {
      const {publish, directory: shared} = blockPlaces(context.rootDir, specName);
      await ensureDirectory(publish, 0o750);
      await ensureDirectory(`${shared}/dev`, 0o750);
      await linkAtomic(`${shared}/dev/${uid}`, target);
      return;
    }
    await writeVolumeData(directory, {
      specVolID: specName,
      volumeHandle: handle,
      driverName: driver,
      nodeName: this.#nodeName,
      volumeLifecycleMode: volume.lifecycle,
      attachmentID: attachmentName(driver, handle, this.#nodeName),
      ...(label === undefined ? {} : {seLinuxMountContext: label}),
    });
  }
}

/** Nothing was published: what was noted for it goes, unless an earlier kubelet has mounted it. The place stays. */
async function forget(request: VolumeRequest, target: string): Promise<void> {
  const {mode, directory, context, specName, pod} = request;
  if (mode === 'Filesystem') {
    await removeMountNote(directory, target);
    return;
  }
  await unmarkDevice(blockPlaces(context.rootDir, specName).directory, pod.metadata.uid);
}

/** Kubernetes' kubelet binds the device there, this one leaves a link. */
export async function unmarkDevice(shared: string, uid: string): Promise<void> {
  const mark = `${shared}/dev/${uid}`;
  if (await isMounted(mark)) await unmount(mark);
  await removeEmpty(mark);
}

export function placeOf({pod, specName, mode, directory, context}: VolumeRequest): VolumePlace {
  return {uid: pod.metadata.uid, specName, mode, directory, rootDir: context.rootDir};
}

/** Tokens of the pod's service account for the audiences that a driver asks for. */
async function tokenWords(
  {pod, context, signal}: VolumeRequest,
  object: CsiDriver | undefined,
): Promise<Words> {
  const requests = object?.spec.tokenRequests ?? [];
  if (requests.length === 0) return {};
  const given: Record<string, {token: string; expirationTimestamp: string}> = {};
  for (const {audience, expirationSeconds = defaultTokenSeconds} of requests) {
    const asked = {expirationSeconds, ...(audience === '' ? {} : {audience})};
    const {token, expiresAtMs = 0} = await context.tokens.token(pod, asked, signal);
    given[audience] = {token, expirationTimestamp: timestamp(expiresAtMs)};
  }
  return {[tokensAttribute]: JSON.stringify(given)};
}

/** What the API fills in. */
const defaultTokenSeconds = 3600;
