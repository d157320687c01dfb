import {readInside} from '../../edges/mounts/subpath.ts';
import {Lanes} from '../../lib/control/batch.ts';
import {Serial} from '../../lib/control/serial.ts';
import {describeError} from '../../lib/errors.ts';
import type {Container, Pod, Volume} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Cancel, Clock} from '../../lib/time.ts';
import type {ObjectReference} from '../api/objects.ts';
import type {PodVolumes} from '../pod/deps.ts';
import {containerDevices, containerMounts} from './container-mounts.ts';
import type {VolumeContext, VolumeUsage} from './types.ts';
import {pluginName} from './usage/measure.ts';
import {usageOf} from './usage/usage.ts';
import {
  collectShared,
  orphans,
  type Prepared,
  prepareVolumes,
  refreshVolumes,
  type StandingVolume,
  teardownVolumes,
} from './volumes.ts';

export type KeptVolumes = PodVolumes & {
  /**
   * An object that the pod uses has changed, or its labels or annotations: its files follow at once. A pod whose
   * volumes were not prepared is left alone. Where the object is known, only what shows it is looked at.
   */
  refresh(pod: Pod, changed?: ObjectReference): Promise<void>;
  /** The same for every pod with such a volume. */
  refreshWhere(shows: (volume: Volume) => boolean): void;
  /** UIDs with a directory or mounts on this node that are not in `known`. */
  orphans(known: ReadonlySet<string>): Promise<string[]>;
  /** Gives back what pods of the past have shared. */
  collect(): Promise<void>;
  /** How full the pod's volumes are, by their names in the pod. */
  usage(pod: Pod, signal: AbortSignal): Promise<ReadonlyMap<string, VolumeUsage>>;
  /** How many volumes of each kind stand. */
  countByPlugin(): ReadonlyMap<string, number>;
  /** No more refreshing; volumes stay as they are. */
  stop(): void;
};

/** Whether the runtime of a pod can mount whole trees read-only (RuntimeHandlerFeatures). */
export type CanMountRecursively = (pod: Pod) => Promise<boolean>;

/** After a refresh that failed; a change of the object comes before that anyway. */
const retryMs = 30_000;
/** More than any environment needs: containers can write the file. */
const maxFileBytes = 1024 * 1024;

/** So many pods are refreshed at a time: all at once, the first would be done no sooner than the last. */
const refreshLanes = 4;

type State = {
  readonly pod: Pod;
  readonly volumes: ReadonlyMap<string, StandingVolume>;
  /** When volumes are to be looked at again without any event, by their names; on the monotonic clock. */
  readonly dueMs: ReadonlyMap<string, number>;
  cancel: Cancel;
};

/** The volumes of all pods on this node: what was prepared is remembered, tokens are renewed in time. */
export function keepVolumes(
  context: VolumeContext,
  clock: Clock,
  log: Logger,
  canMountRecursively: CanMountRecursively = async () => false,
): KeptVolumes {
  return new Keeper(context, clock, log, canMountRecursively);
}

class Keeper implements KeptVolumes {
  readonly #context: VolumeContext;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #canMountRecursively: CanMountRecursively;
  readonly #states = new Map<string, State>();
  /** One work at a time for a pod. */
  readonly #serial = new Serial();
  readonly #lanes = new Lanes(refreshLanes);
  #stopped = false;

  constructor(context: VolumeContext, clock: Clock, log: Logger, canMountRecursively: CanMountRecursively) {
    this.#context = context;
    this.#clock = clock;
    this.#log = log;
    this.#canMountRecursively = canMountRecursively;
  }

  prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    return this.#serial.run(pod.metadata.uid, async () => {
      signal.throwIfAborted();
      this.#remember(pod, await prepareVolumes(pod, this.#context, signal));
    });
  }

  refresh(pod: Pod, changed?: ObjectReference): Promise<void> {
    const {uid} = pod.metadata;
    return this.#serial.run(uid, () => this.#lanes.run(() => this.#refresh(pod, changed)));
  }

  refreshWhere(shows: (volume: Volume) => boolean): void {
    for (const {pod} of this.#states.values())
      if ((pod.spec.volumes ?? []).some(shows)) void this.refresh(pod);
  }

  async #refresh(pod: Pod, changed: ObjectReference | undefined): Promise<void> {
    const {uid} = pod.metadata;
    const state = this.#states.get(uid);
    if (state === undefined) return;
    try {
      this.#remember(pod, await refreshVolumes(pod, this.#context, changed));
    } catch (error) {
      const message = describeError(error);
      this.#log.warn('volumes keep their old content', {uid, error: message});
      this.#context.tell?.(pod, 'Warning', 'FailedMount', message);
      this.#schedule(pod, state, retryMs);
    }
  }

  async mounts(
    ...[pod, container, environment]: Parameters<PodVolumes['mounts']>
  ): ReturnType<PodVolumes['mounts']> {
    await this.#prepareLate(pod, container);
    return containerMounts({
      pod,
      container,
      rootDir: this.#context.rootDir,
      volumes: this.#volumesOf(pod.metadata.uid),
      environment,
      recursiveReadOnly: wantsRecursion(container) && (await this.#canMountRecursively(pod)),
    });
  }

  devices(...[pod, container]: Parameters<PodVolumes['devices']>): ReturnType<PodVolumes['devices']> {
    return containerDevices(container, this.#volumesOf(pod.metadata.uid));
  }

  groups(uid: string): readonly number[] {
    const groups = [...this.#volumesOf(uid).values()].map(({supplementalGroup}) => supplementalGroup);
    return [...new Set(groups.filter((group) => group !== undefined))];
  }

  async file(uid: string, volume: string, path: string): Promise<string | undefined> {
    const prepared = this.#volumesOf(uid).get(volume);
    return prepared === undefined ? undefined : readInside(prepared.path, path, maxFileBytes);
  }

  async recursiveReadOnly(pod: Pod): Promise<boolean> {
    const {initContainers = [], containers, ephemeralContainers = []} = pod.spec;
    if (![...initContainers, ...containers, ...ephemeralContainers].some(wantsRecursion)) return false;
    // Where the class is not known, the pod does not start for that.
    return this.#canMountRecursively(pod).catch(() => false);
  }

  tearDown(uid: string): Promise<void> {
    return this.#serial.run(uid, async () => {
      this.#states.get(uid)?.cancel();
      this.#states.delete(uid);
      await teardownVolumes(uid, this.#context);
    });
  }

  orphans(known: ReadonlySet<string>): Promise<string[]> {
    return orphans(this.#context.rootDir, known);
  }

  collect(): Promise<void> {
    return collectShared(this.#context);
  }

  usage(pod: Pod, signal: AbortSignal): Promise<ReadonlyMap<string, VolumeUsage>> {
    return usageOf(pod, this.#volumesOf(pod.metadata.uid), signal, this.#context.usageRead);
  }

  countByPlugin(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const {volumes} of this.#states.values())
      for (const {plugin} of volumes.values()) {
        const name = pluginName(plugin);
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    return counts;
  }

  stop(): void {
    this.#stopped = true;
    for (const state of this.#states.values()) state.cancel();
    this.#states.clear();
    void this.#context.trust?.stop();
  }

  /** An ephemeral container may be the first to use one of the pod's volumes. */
  async #prepareLate(pod: Pod, {volumeMounts = []}: Container): Promise<void> {
    const known = this.#states.get(pod.metadata.uid)?.volumes;
    if (known === undefined || volumeMounts.every(({name}) => known.has(name))) return;
    await this.#serial.run(pod.metadata.uid, async () =>
      this.#remember(pod, await prepareVolumes(pod, this.#context)),
    );
  }

  #volumesOf(uid: string): ReadonlyMap<string, StandingVolume> {
    return this.#states.get(uid)?.volumes ?? new Map();
  }

  #remember(pod: Pod, prepared: Prepared): void {
    const {uid} = pod.metadata;
    const old = this.#states.get(uid);
    old?.cancel();
    const nowMs = this.#clock.monotonic();
    const dueMs = new Map(old?.dueMs);
    for (const [name, {againInMs}] of prepared)
      if (againInMs === undefined) dueMs.delete(name);
      else dueMs.set(name, nowMs + againInMs);
    const state = {pod, volumes: new Map([...(old?.volumes ?? []), ...prepared]), dueMs, cancel: () => {}};
    this.#states.set(uid, state);
    if (dueMs.size > 0) this.#schedule(pod, state, Math.max(0, Math.min(...dueMs.values()) - nowMs));
  }

  #schedule(pod: Pod, state: State, ms: number): void {
    state.cancel();
    if (this.#stopped) return;
    state.cancel = this.#clock.after(ms, () => void this.refresh(pod));
  }
}

function wantsRecursion({volumeMounts = []}: Pick<Container, 'volumeMounts'>): boolean {
  return volumeMounts.some(({recursiveReadOnly = 'Disabled'}) => recursiveReadOnly !== 'Disabled');
}
