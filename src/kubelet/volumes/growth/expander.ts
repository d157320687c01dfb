import {
  isFailedPrecondition,
  isFinal,
  isInfeasible,
  isRpcError,
  rpcMessage,
} from '../../../edges/csi/client.ts';
import type {KubeClient} from '../../../edges/kube/client.ts';
import type {EventRecorder} from '../../../edges/kube/events.ts';
import {describeError} from '../../../lib/errors.ts';
import type {PersistentVolume, PersistentVolumeClaim} from '../../../lib/kubernetes.ts';
import type {Logger} from '../../../lib/log.ts';
import {quantityValue} from '../../../lib/quantity.ts';
import {persistentVolumeClaims} from '../../../lib/resources.ts';
import {type Clock, timestamp} from '../../../lib/time.ts';
import {type VolumeRequest, VolumeStepError} from '../types.ts';
import {failedPatch, finishedPatch, type Growth, growthOf, inProgressPatch} from './growth.ts';

export type ExpanderOptions = {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
};

/** What makes one volume larger on this node. */
export type Grower = {
  /** v1.UniqueVolumeName */
  readonly uniqueName: string;
  /** Why it cannot; undefined: it can. */
  readonly unsupported?: string;
  grow(bytes: number): Promise<void>;
};

type Claimed = {readonly request: VolumeRequest; readonly grower: Grower; readonly growth: Growth};
type Node = {
  knownBytes: number;
  hasFailed: boolean;
  /** The driver does not expand what is in use: not tried again while it is mounted. */
  refused: boolean;
};

type Bound = {readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume};

const timeoutMs = 10_000;

/** Makes volumes on this node as large as their persistent volumes have become. */
export class Expander {
  readonly #options: ExpanderOptions;
  /** By v1.UniqueVolumeName. */
  readonly #nodes = new Map<string, Node>();

  constructor(options: ExpanderOptions) {
    this.#options = options;
  }

  /** Whether a mounted volume has grown elsewhere; asks the API. */
  async hasGrown(request: VolumeRequest, uniqueName: string): Promise<boolean> {
    const node = this.#nodes.get(uniqueName);
    const bound = boundOf(request);
    if (node === undefined || node.refused || bound === undefined) return false;
    const {volume: found} = await this.#fresh(request, bound);
    return quantityValue(found.spec.capacity?.storage) > node.knownBytes;
  }

  /** @throws when it has to grow and cannot: what is being mounted must not be used then */
  async expand(grower: Grower, request: VolumeRequest, when: 'mount' | 'online'): Promise<void> {
    const bound = boundOf(request);
    if (bound === undefined) return;
    const known = this.#nodes.get(grower.uniqueName);
    const seen = when === 'online' ? await this.#fresh(request, bound) : bound;
    const statusBytes = quantityValue(seen.claim.status?.capacity?.storage);
    const node = known ?? {knownBytes: statusBytes, hasFailed: false, refused: false};
    this.#nodes.set(grower.uniqueName, node);
    const knownBytes = when === 'online' ? node.knownBytes : undefined;
    const growth = growthOf({...seen, knownBytes, hasFailed: node.hasFailed});
    if (growth === undefined) {
      node.knownBytes = Math.max(node.knownBytes, statusBytes);
      return;
    }
    if (request.readOnly) {
      node.knownBytes = growth.bytes;
      return this.#tellReadOnly(request, seen.claim);
    }
    await this.#grow({request, grower, growth}, seen.claim, node);
  }

  forget(uniqueName: string): void {
    this.#nodes.delete(uniqueName);
  }

  async #grow(claimed: Claimed, before: PersistentVolumeClaim, node: Node): Promise<void> {
    const {growth, grower, request} = claimed;
    const marks = growth.followed && !growth.claimHasIt;
    const claim = marks ? await this.#patch(before, inProgressPatch(before)) : before;
    if (grower.unsupported !== undefined && !marks) {
      node.knownBytes = growth.bytes;
      return;
    }
    try {
      if (grower.unsupported !== undefined) throw new Error(grower.unsupported);
      await grower.grow(growth.bytes);
    } catch (error) {
      await this.#failed(error, claimed, claim, node);
      return;
    }
    this.#tellBoth(
      request,
      claim,
      'Normal',
      'FileSystemResizeSuccessful',
      `MountVolume.NodeExpandVolume succeeded for volume "${request.specName}" ${this.#options.nodeName}`,
    );
    node.knownBytes = growth.bytes;
    if (!growth.claimHasIt) await this.#patch(claim, finishedPatch(claim, growth.size));
  }

  async #failed(error: unknown, claimed: Claimed, claim: PersistentVolumeClaim, node: Node): Promise<void> {
    const {growth, request} = claimed;
    const {clock, log} = this.#options;
    const why = rpcMessage(error);
    const message = isFinal(error) ? `Expander.NodeExpand failed to expand the volume : ${why}` : why;
    // What failed before the driver was asked is over, too.
    const over = isFinal(error) || !isRpcError(error);
    if (over) node.hasFailed = true;
    if (over && growth.followed && !growth.claimHasIt) {
      const infeasible = isInfeasible(error) || growth.infeasibleOnFailure;
      const body = failedPatch(claim, message, timestamp(clock.now()), infeasible);
      await this.#patch(claim, body).catch((failure: unknown) =>
        log.warn('a claim could not be told of its failure', {error: describeError(failure)}),
      );
    }
    if (isFailedPrecondition(error)) {
      node.refused = true;
      log.warn('a volume cannot be expanded while it is in use', {volume: request.specName, error: why});
      return;
    }
    request.signal?.throwIfAborted();
    throw new VolumeStepError('NodeExpandVolume.NodeExpandVolume failed', message, {
      reason: 'VolumeResizeFailed',
    });
  }

  async #fresh({context, signal}: VolumeRequest, known: Bound): Promise<Bound> {
    const {namespace, name} = known.claim.metadata;
    const [claim, volume] = await Promise.all([
      context.claims.claim(namespace, name, signal),
      context.claims.volume(known.volume.metadata.name, signal),
    ]);
    return {claim, volume};
  }

  #patch({metadata}: PersistentVolumeClaim, body: object): Promise<PersistentVolumeClaim> {
    const key = {namespace: metadata.namespace, name: metadata.name, subresource: 'status'};
    return this.#options.client.patch(persistentVolumeClaims, key, {type: 'merge', body}, {timeoutMs});
  }

  #tellReadOnly(request: VolumeRequest, claim: PersistentVolumeClaim): void {
    const message = `MountVolume.NodeExpandVolume failed for volume "${request.specName}" requested read-only file system`;
    this.#tellBoth(request, claim, 'Warning', 'FileSystemResizeFailed', message);
  }

  #tellBoth(
    {pod, context}: VolumeRequest,
    {metadata}: PersistentVolumeClaim,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void {
    const {name, namespace, uid, resourceVersion} = metadata;
    context.tell?.(pod, type, reason, message);
    const target = {kind: 'PersistentVolumeClaim', apiVersion: 'v1', name, namespace, uid, resourceVersion};
    this.#options.recorder.record(target, type, reason, message);
  }
}

/** What nobody has claimed, nobody can want larger. */
function boundOf({persistent}: VolumeRequest): Bound | undefined {
  if (persistent?.claim === undefined) return undefined;
  return {claim: persistent.claim, volume: persistent.volume};
}
