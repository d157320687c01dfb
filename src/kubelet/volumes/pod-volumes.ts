import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Cancel, Clock} from '../../lib/time.ts';
import type {PodVolumes} from '../pod/deps.ts';
import {containerMounts} from './container-mounts.ts';
import type {PreparedVolume, VolumeContext} from './types.ts';
import {orphans, type Prepared, prepareVolumes, refreshVolumes, teardownVolumes} from './volumes.ts';

export type VolumeAgent = PodVolumes & {
  /**
   * An object that the pod uses has changed, or the pod itself (labels, annotations): its files follow at once. Pods
   * without prepared volumes are left alone.
   */
  refresh(uid: string, pod?: Pod): Promise<void>;
  /** UIDs with a directory or mounts on this node that are not in `known`. */
  orphans(known: ReadonlySet<string>): Promise<string[]>;
  /** No more refreshing; volumes stay as they are. */
  stop(): void;
};

export type VolumeAgentOptions = VolumeContext & {
  readonly clock: Clock;
  readonly log: Logger;
  /** The runtime can mount whole trees read-only (RuntimeHandlerFeatures). */
  readonly recursiveReadOnly: boolean;
};

/** After a refresh that failed; a change of the object comes before that anyway. */
const retryMs = 30_000;

type State = {pod: Pod; volumes: Map<string, PreparedVolume>; cancel: Cancel};

/** The volumes of all pods on this node: what was prepared is remembered, tokens are renewed in time. */
export function createPodVolumes(options: VolumeAgentOptions): VolumeAgent {
  return new Agent(options);
}

class Agent implements VolumeAgent {
  readonly #options: VolumeAgentOptions;
  readonly #states = new Map<string, State>();
  /** The last work under way for a pod: one at a time, in order. */
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(options: VolumeAgentOptions) {
    this.#options = options;
  }

  prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    return this.#serially(pod.metadata.uid, async () => {
      this.#remember(pod, await prepareVolumes(pod, this.#options, signal));
    });
  }

  refresh(uid: string, pod?: Pod): Promise<void> {
    return this.#serially(uid, async () => {
      const state = this.#states.get(uid);
      if (state === undefined) return;
      const current = pod ?? state.pod;
      try {
        this.#remember(current, await refreshVolumes(current, this.#options));
      } catch (error) {
        this.#options.log.warn('volumes keep their old content', {uid, error: describeError(error)});
        this.#schedule(uid, state, retryMs);
      }
    });
  }

  mounts(
    ...[pod, container, environment]: Parameters<PodVolumes['mounts']>
  ): ReturnType<PodVolumes['mounts']> {
    const volumes = this.#states.get(pod.metadata.uid)?.volumes ?? new Map<string, PreparedVolume>();
    const {rootDir, recursiveReadOnly} = this.#options;
    return containerMounts({pod, container, rootDir, volumes, environment, recursiveReadOnly});
  }

  tearDown(uid: string): Promise<void> {
    return this.#serially(uid, async () => {
      this.#states.get(uid)?.cancel();
      this.#states.delete(uid);
      await teardownVolumes(uid, this.#options);
    });
  }

  orphans(known: ReadonlySet<string>): Promise<string[]> {
    return orphans(this.#options.rootDir, known);
  }

  stop(): void {
    for (const state of this.#states.values()) state.cancel();
    this.#states.clear();
  }

  #remember(pod: Pod, {volumes, againInMs}: Prepared): void {
    const {uid} = pod.metadata;
    const old = this.#states.get(uid);
    const state = {
      pod,
      volumes: new Map([...(old?.volumes ?? []), ...volumes]),
      cancel: old?.cancel ?? (() => {}),
    };
    this.#states.set(uid, state);
    if (againInMs !== undefined) this.#schedule(uid, state, againInMs);
  }

  #schedule(uid: string, state: State, ms: number): void {
    state.cancel();
    state.cancel = this.#options.clock.after(ms, () => void this.refresh(uid));
  }

  async #serially<T>(uid: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(uid) ?? Promise.resolve();
    const run = before.then(work, work);
    this.#tails.set(uid, run);
    try {
      return await run;
    } finally {
      if (this.#tails.get(uid) === run) this.#tails.delete(uid);
    }
  }
}
