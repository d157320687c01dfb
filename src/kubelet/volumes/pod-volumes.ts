import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Cancel, Clock} from '../../lib/time.ts';
import type {PodVolumes} from '../pod/deps.ts';
import {containerMounts} from './container-mounts.ts';
import type {PreparedVolume, VolumeContext} from './types.ts';
import {orphans, type Prepared, prepareVolumes, refreshVolumes, teardownVolumes} from './volumes.ts';

export type KeptVolumes = PodVolumes & {
  /**
   * An object that the pod uses has changed, or its labels or annotations: its files follow at once. A pod whose
   * volumes were not prepared is left alone.
   */
  refresh(pod: Pod): Promise<void>;
  /** UIDs with a directory or mounts on this node that are not in `known`. */
  orphans(known: ReadonlySet<string>): Promise<string[]>;
  /** No more refreshing; volumes stay as they are. */
  stop(): void;
};

/** After a refresh that failed; a change of the object comes before that anyway. */
const retryMs = 30_000;

type State = {readonly volumes: ReadonlyMap<string, PreparedVolume>; cancel: Cancel};

/** The volumes of all pods on this node: what was prepared is remembered, tokens are renewed in time. */
export function keepVolumes(
  context: VolumeContext,
  clock: Clock,
  log: Logger,
  /** The runtime can mount whole trees read-only (RuntimeHandlerFeatures). */
  recursiveReadOnly = false,
): KeptVolumes {
  return new Keeper(context, clock, log, recursiveReadOnly);
}

class Keeper implements KeptVolumes {
  readonly #context: VolumeContext;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #recursiveReadOnly: boolean;
  readonly #states = new Map<string, State>();
  /** The last work under way for a pod: one at a time, in order. */
  readonly #tails = new Map<string, Promise<unknown>>();
  #stopped = false;

  constructor(context: VolumeContext, clock: Clock, log: Logger, recursiveReadOnly: boolean) {
    this.#context = context;
    this.#clock = clock;
    this.#log = log;
    this.#recursiveReadOnly = recursiveReadOnly;
  }

  prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    return this.#serially(pod.metadata.uid, async () => {
      this.#remember(pod, await prepareVolumes(pod, this.#context, signal));
    });
  }

  refresh(pod: Pod): Promise<void> {
    const {uid} = pod.metadata;
    return this.#serially(uid, async () => {
      const state = this.#states.get(uid);
      if (state === undefined) return;
      try {
        this.#remember(pod, await refreshVolumes(pod, this.#context));
      } catch (error) {
        this.#log.warn('volumes keep their old content', {uid, error: describeError(error)});
        this.#schedule(pod, state, retryMs);
      }
    });
  }

  mounts(
    ...[pod, container, environment]: Parameters<PodVolumes['mounts']>
  ): ReturnType<PodVolumes['mounts']> {
    const volumes = this.#states.get(pod.metadata.uid)?.volumes ?? new Map<string, PreparedVolume>();
    const {rootDir} = this.#context;
    const recursiveReadOnly = this.#recursiveReadOnly;
    return containerMounts({pod, container, rootDir, volumes, environment, recursiveReadOnly});
  }

  tearDown(uid: string): Promise<void> {
    return this.#serially(uid, async () => {
      this.#states.get(uid)?.cancel();
      this.#states.delete(uid);
      await teardownVolumes(uid, this.#context);
    });
  }

  orphans(known: ReadonlySet<string>): Promise<string[]> {
    return orphans(this.#context.rootDir, known);
  }

  stop(): void {
    this.#stopped = true;
    for (const state of this.#states.values()) state.cancel();
    this.#states.clear();
  }

  #remember(pod: Pod, {volumes, againInMs}: Prepared): void {
    const {uid} = pod.metadata;
    const old = this.#states.get(uid);
    old?.cancel();
    const state = {volumes: new Map([...(old?.volumes ?? []), ...volumes]), cancel: () => {}};
    this.#states.set(uid, state);
    if (againInMs !== undefined) this.#schedule(pod, state, againInMs);
  }

  #schedule(pod: Pod, state: State, ms: number): void {
    state.cancel();
    if (this.#stopped) return;
    state.cancel = this.#clock.after(ms, () => void this.refresh(pod));
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
