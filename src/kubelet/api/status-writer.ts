import {refusedStates} from '../../config/pod/status-transitions.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {isNotFound, isOtherUid} from '../../edges/kube/errors.ts';
import {isOlderVersion} from '../../edges/kube/watch/object-store.ts';
import {Queue} from '../../lib/control/queue.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod, PodStatus} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {pods} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';
import {isEqual, isFollowed, isUrgent, statusPatch} from '../pod/status/status-patch.ts';

export type StatusWriterOptions = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** The API server has taken a status. */
  readonly onWritten: (uid: string) => void;
  /** It has all that was to be told; how long that took from the first change on. */
  readonly onSynced?: (seconds: number) => void;
};

type Entry = {
  /** Of the object that carries the status: the pod, or the mirror of a static pod. */
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  wanted: PodStatus;
  /** What the server has, as far as is known. */
  base: PodStatus;
  version: string | undefined;
  /** A patch that the server took without doing all of it (fields that it does not know): not sent again. */
  futile: string | undefined;
  /** Since when something is to be told (monotonic). */
  sinceMs: number | undefined;
};

const concurrency = 16;
/** What nobody waits for may be told a little later, together with what follows it. */
const calmMs = 150;
/** So late a kubelet that lists its runtime each second may tell of it too. */
const followedMs = 1000;
const callTimeoutMs = 10_000;

/** Brings computed statuses to the API server: one patch when something differs, Ready and ends first. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #queue: Queue;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#queue = new Queue({
      clock: options.clock,
      concurrency,
      backoff: {firstMs: 200, maxMs: 10_000},
      work: (uid) => this.#write(uid),
      onError: (uid, error, retryInMs) =>
        options.log.warn('a pod status could not be written', {uid, retryInMs, error: describeError(error)}),
    });
  }

  /** The server's own copy, from the watch. Older than what was written it is ignored. */
  observed(uid: string, pod: Pod): void {
    const entry = this.#entries.get(uid);
    if (entry?.uid !== pod.metadata.uid || isOlderVersion(pod.metadata.resourceVersion, entry.version))
      return;
    entry.base = pod.status ?? {};
    entry.version = pod.metadata.resourceVersion;
  }

  /** `pod` is the object that carries the status; its mirror in the case of a static pod. */
  want(uid: string, pod: Pod, status: PodStatus): void {
    const known = this.#entries.get(uid);
    const same = known?.uid === pod.metadata.uid ? known : undefined;
    const entry = same ?? {
      uid: pod.metadata.uid,
      name: pod.metadata.name,
      namespace: pod.metadata.namespace,
      wanted: status,
      base: pod.status ?? {},
      version: pod.metadata.resourceVersion,
      futile: undefined,
      sinceMs: undefined,
    };
    this.#entries.set(uid, entry);
    // Init containers that run anew in another sandbox: untold until they have ended again, as in Kubernetes.
    const refused = refusedStates(pod.spec, status, same?.wanted ?? pod.status);
    if (refused.length > 0) {
      this.#options.log.debug('a pod status stays untold', {uid, refused});
      return;
    }
    entry.wanted = status;
    const patch = statusPatch(entry.base, status);
    if (patch === undefined || JSON.stringify(patch) === entry.futile) return;
    entry.sinceMs ??= this.#options.clock.monotonic();
    if (isUrgent(entry.base, status)) this.#queue.enqueue(uid);
    else this.#queue.enqueueAfter(uid, isFollowed(status, patch) ? followedMs : calmMs);
  }

  /** What the server is known to have. */
  written(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.base;
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #write(uid: string): Promise<undefined> {
    const entry = this.#entries.get(uid);
    const status = entry === undefined ? undefined : statusPatch(entry.base, entry.wanted);
    if (entry === undefined || status === undefined) return;
    const {name, namespace} = entry;
    // The uid makes it conditional: a pod of the same name made anew is not touched.
    const body = {metadata: {uid: entry.uid}, status};
    try {
      const key = {name, namespace, subresource: 'status'};
      const written = await this.#options.client.patch(
        pods,
        key,
        {type: 'strategic', body},
        {timeoutMs: callTimeoutMs},
      );
      if (!isOlderVersion(written.metadata.resourceVersion, entry.version)) {
        entry.base = written.status ?? {};
        entry.version = written.metadata.resourceVersion;
        entry.futile = futilePart(status, statusPatch(entry.base, entry.wanted));
      }
    } catch (error) {
      // The pod is gone, or another one has its name: nobody is left to be told. A conflict is something else: others
      // wrote so often meanwhile that the API server gave up, and the status is still to be told.
      if (isNotFound(error) || isOtherUid(error)) return;
      throw error;
    }
    this.#synced(entry);
    this.#options.onWritten(uid);
  }

  #synced(entry: Entry): void {
    const {clock, onSynced} = this.#options;
    const rest = statusPatch(entry.base, entry.wanted);
    if (entry.sinceMs === undefined || (rest !== undefined && JSON.stringify(rest) !== entry.futile)) return;
    onSynced?.((clock.monotonic() - entry.sinceMs) / 1000);
    entry.sinceMs = undefined;
  }
}

/** What is still to be written although just that was sent. */
function futilePart(sent: Record<string, unknown>, rest: Record<string, unknown> | undefined) {
  const same = Object.entries(rest ?? {}).every(([field, value]) => isEqual(sent[field], value));
  return rest !== undefined && same ? JSON.stringify(rest) : undefined;
}
