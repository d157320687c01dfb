import type {Pod} from '../../lib/kubernetes.ts';
import type {ObjectReference} from '../api/objects.ts';
import type {PodStore} from '../api/pod-store.ts';
import type {StatusWriter} from '../api/status-writer.ts';
import type {PodWorkers} from '../pod/worker.ts';
import type {RuntimeCache} from '../runtime/cache.ts';
import type {PodEvent} from '../sources/api.ts';
import {isMirror, type Mirrors} from '../sources/mirror.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import type {KeptVolumes} from '../volumes/pod-volumes.ts';
import {tellsAnother} from '../volumes/start.ts';

export type PodChangesParts = {
  readonly store: PodStore;
  readonly workers: PodWorkers;
  readonly writer: StatusWriter;
  readonly mirrors: Mirrors;
  readonly volumes: Pick<KeptVolumes, 'refresh'>;
  readonly runtime: Pick<RuntimeCache, 'uids'>;
  readonly telemetry?: Telemetry;
};

/** What others tell only enqueues: the pods that it is about are looked at again. */
export class PodChanges {
  readonly #parts: PodChangesParts;

  constructor(parts: PodChangesParts) {
    this.#parts = parts;
  }

  /** Of the API server. */
  told({type, pod, old}: PodEvent): void {
    if (isMirror(pod)) this.#mirror(type, pod);
    else if (type === 'deleted') this.#gone(pod);
    else this.#pod(pod, old);
  }

  #gone(pod: Pod): void {
    const {store, workers, telemetry} = this.#parts;
    telemetry?.forget(pod.metadata.uid);
    store.remove(pod.metadata.uid);
    workers.gone(pod);
  }

  /** A pod that comes to its end interrupts what is done for it. */
  #pod(pod: Pod, old: Pod | undefined): void {
    const {store, workers, writer, volumes, telemetry} = this.#parts;
    const {uid, deletionTimestamp} = pod.metadata;
    store.put(pod, false);
    writer.observed(uid, pod);
    if (deletionTimestamp !== undefined && old?.metadata.deletionTimestamp === undefined) {
      workers.interrupt(uid, 'the pod is being deleted');
      return;
    }
    if (old !== undefined) telemetry?.resizes.changed(pod, old);
    if (old !== undefined && tellsAnother(pod, old)) {
      void volumes.refresh(pod);
      // A variable may come from a label or an annotation, too.
      workers.retry(uid);
    }
    workers.enqueue(uid);
  }

  #mirror(type: PodEvent['type'], mirror: Pod): void {
    const {workers, writer, mirrors} = this.#parts;
    if (type === 'deleted') mirrors.gone(mirror);
    else mirrors.observed(mirror);
    const uid = mirrors.staticOf(mirror)?.metadata.uid;
    if (uid === undefined) return;
    if (type !== 'deleted') writer.observed(uid, mirror);
    workers.enqueue(uid);
  }

  /** Of an object that these pods show: its bytes first; then whatever waits for it is tried again. */
  objects(uids: readonly string[], changed: ObjectReference): void {
    const {store, workers, volumes} = this.#parts;
    for (const uid of uids) {
      const known = store.get(uid);
      if (known !== undefined) void volumes.refresh(known.pod, changed).then(() => workers.retryFailed(uid));
    }
  }

  runtimeClass(name: string): void {
    const {store, workers} = this.#parts;
    for (const {pod} of store.all())
      if (pod.spec.runtimeClassName === name) workers.enqueue(pod.metadata.uid);
  }

  /** Of everything, perhaps. Pods of the runtime that no source knows are among them. */
  all(): void {
    const {store, workers, runtime} = this.#parts;
    const known = store.all().map(({pod}) => pod.metadata.uid);
    for (const uid of new Set([...known, ...workers.uids(), ...runtime.uids()])) workers.enqueue(uid);
  }
}
