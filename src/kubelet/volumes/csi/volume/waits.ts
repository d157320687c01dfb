import type {Clock} from '../../../../lib/time.ts';
import {VolumeRejection, type VolumeRequest} from '../../types.ts';
import type {Attachments} from './attachments.ts';
import type {CsiVolume} from './source.ts';

export type WaitsOptions = {
  readonly clock: Clock;
  readonly attachments: Pick<Attachments, 'isAttached'>;
  /** What the pod waits for may be there: it is looked at again. */
  readonly retry: (uid: string) => void;
  /** A volume has not been attached for long: whether it never will be, as the node has no room for more. */
  readonly isExhausted: (volume: CsiVolume) => Promise<boolean>;
};

type Wait = {readonly uid: string; readonly volume: CsiVolume; readonly sinceMs: number; toldMs: number};

/** Kubernetes says so often that a pod still waits (podAttachAndMountTimeout). */
const lateMs = 123_000;

/** Pods whose volumes cannot be had before something comes: their driver, or their attachment. */
export class Waits {
  readonly #options: WaitsOptions;
  readonly #attaching = new Map<string, Wait>();
  readonly #missing = new Map<string, Set<string>>();

  constructor(options: WaitsOptions) {
    this.#options = options;
  }

  /** Work for a pod that fails may have failed for want of its driver: it is done again as soon as that one comes. */
  async unlessComes<T>(driver: string, uid: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const uids = this.#missing.get(driver) ?? new Set<string>();
      this.#missing.set(driver, uids.add(uid));
      throw error;
    }
  }

  driverCame(driver: string): void {
    const uids = this.#missing.get(driver) ?? [];
    this.#missing.delete(driver);
    for (const uid of uids) this.#options.retry(uid);
  }

  /** @throws VolumeRejection when it can never be attached */
  async forAttachment(request: VolumeRequest, volume: CsiVolume): Promise<void> {
    const {clock, attachments, isExhausted} = this.#options;
    const {uid} = request.pod.metadata;
    const key = `${uid}/${volume.specName}`;
    if (attachments.isAttached(volume)) {
      this.#attaching.delete(key);
      return;
    }
    const nowMs = clock.monotonic();
    const wait = this.#attaching.get(key) ?? {uid, volume, sinceMs: nowMs, toldMs: nowMs};
    this.#attaching.set(key, wait);
    if (nowMs - wait.toldMs < lateMs) return;
    wait.toldMs = nowMs;
    const {name} = request.volume;
    const late = `unmounted volumes=[${name}], unattached volumes=[${name}], failed to process volumes=[]: context deadline exceeded`;
    if (await isExhausted(volume))
      throw new VolumeRejection(
        'VolumeAttachmentLimitExceeded',
        `Node has reached its volume attachment limit, rejecting pod. ${late}`,
      );
    const message = `Unable to attach or mount volumes: ${late}`;
    request.context.tell?.(request.pod, 'Warning', 'FailedMount', message);
  }

  /** The Node's status has changed: those whose volumes it now names are tried again. */
  nodeChanged(inUse: readonly string[]): void {
    const {attachments, retry} = this.#options;
    for (const [key, {uid, volume}] of [...this.#attaching]) {
      if (!inUse.includes(volume.uniqueName) || !attachments.isAttached(volume)) continue;
      this.#attaching.delete(key);
      retry(uid);
    }
  }

  forget(uid: string): void {
    for (const [key, wait] of this.#attaching) if (wait.uid === uid) this.#attaching.delete(key);
    for (const uids of this.#missing.values()) uids.delete(uid);
  }
}
