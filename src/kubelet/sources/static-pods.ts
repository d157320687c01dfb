import {staticAnnotations} from '../../config/pod/static-pod.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {PodStore} from '../api/pod-store.ts';
import type {PodWorkers} from '../pod/worker.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import {fullName, type Mirrors} from './mirror.ts';
import type {StaticSource} from './static.ts';
import {type StaticSourcesOptions, startStaticSources} from './static-url.ts';

export type StaticPodsOptions = Omit<StaticSourcesOptions, 'onPods'> & {
  readonly store: PodStore;
  readonly workers: PodWorkers;
  readonly mirrors: Mirrors;
  /** What was told is in place: everything is to be looked at. */
  readonly onPlaced: () => void;
  readonly telemetry?: Pick<Telemetry, 'podCounts'>;
};

const {hash} = staticAnnotations;

/** Keeps the static pods of files and a URL among the pods of this node. */
export class StaticPods {
  readonly #options: StaticPodsOptions;
  readonly #source: StaticSource;
  /** Of which something may still run: the same pod starts anew only after that. */
  readonly #leaving = new Set<string>();
  #pods: readonly Pod[] = [];

  constructor(options: StaticPodsOptions) {
    this.#options = options;
    this.#source = startStaticSources({...options, onPods: (pods) => this.#changed(pods)});
  }

  hasSynced(): boolean {
    return this.#source.hasSynced();
  }

  /** A changed static pod starts when the one it replaces has come to its end. */
  place(): void {
    const {store, workers, mirrors, telemetry} = this.#options;
    mirrors.ended();
    const working = new Set(workers.uids());
    const left = new Set([...this.#leaving].filter((uid) => !working.has(uid)));
    for (const uid of left) this.#leaving.delete(uid);
    for (const pod of this.#pods) {
      if (this.#leaving.has(pod.metadata.uid)) continue;
      if (store.get(pod.metadata.uid) !== undefined || workers.hasOther(pod)) continue;
      if (left.has(pod.metadata.uid)) telemetry?.podCounts.restarted();
      store.put(pod, true);
      workers.enqueue(pod.metadata.uid);
    }
  }

  /** With a UID of its own, a pod keeps it when its file changes. */
  #isAnother({metadata}: Pod): boolean {
    const known = this.#options.store.get(metadata.uid)?.pod.metadata.annotations;
    return known !== undefined && known[hash] !== metadata.annotations?.[hash];
  }

  stop(): void {
    this.#source.stop();
  }

  #changed(told: readonly Pod[]): void {
    const {store, workers, mirrors, onPlaced} = this.#options;
    const pods = [...new Map(told.toReversed().map((pod) => [fullName(pod), pod])).values()].toReversed();
    const kept = new Set(pods.map(({metadata}) => metadata.uid));
    for (const {metadata} of this.#pods.filter((pod) => !kept.has(pod.metadata.uid))) {
      store.remove(metadata.uid);
      this.#leaving.add(metadata.uid);
      workers.interrupt(metadata.uid, 'the file of the static pod has gone or changed');
    }
    for (const pod of pods) if (this.#isAnother(pod)) store.put(pod, true);
    this.#pods = pods;
    mirrors.setStatics(pods);
    this.place();
    onPlaced();
  }
}
