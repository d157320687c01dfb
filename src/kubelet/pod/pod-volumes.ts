import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Cancel, Clock} from '../../lib/time.ts';
import {containerMounts} from '../volumes/container-mounts.ts';
import type {VolumeContext} from '../volumes/types.ts';
import {type Prepared, prepareVolumes, refreshVolumes, teardownVolumes} from '../volumes/volumes.ts';
import type {PodVolumes} from './deps.ts';

export type KeptVolumes = PodVolumes & {
  /** An object of the pod, its labels or its annotations have changed. */
  refresh(pod: Pod): void;
  stop(): void;
};

type Entry = {prepared: Prepared; cancel: Cancel | undefined; refreshing: boolean; again: boolean};

/** The volumes of the pods on this node, kept up to date while their pods run. */
export function keepVolumes(context: VolumeContext, clock: Clock, log: Logger): KeptVolumes {
  const entries = new Map<string, Entry>();
  const keep = (pod: Pod, prepared: Prepared): Entry => {
    const {uid} = pod.metadata;
    const old = entries.get(uid);
    old?.cancel?.();
    const {againInMs} = prepared;
    const cancel = againInMs === undefined ? undefined : clock.after(againInMs, () => refresh(pod));
    const entry = {prepared, cancel, refreshing: old?.refreshing ?? false, again: old?.again ?? false};
    entries.set(uid, entry);
    return entry;
  };
  const refresh = (pod: Pod): void => {
    const entry = entries.get(pod.metadata.uid);
    if (entry === undefined) return;
    if (entry.refreshing) entry.again = true;
    else void bringUpToDate(pod, entry);
  };
  /** One refresh of a pod at a time; what changes meanwhile is looked at once more. */
  const bringUpToDate = async (pod: Pod, entry: Entry): Promise<void> => {
    entry.refreshing = true;
    const {uid} = pod.metadata;
    try {
      const {volumes, againInMs} = await refreshVolumes(pod, context);
      const all = new Map([...entry.prepared.volumes, ...volumes]);
      if (entries.get(uid) !== entry) return;
      const kept = keep(pod, {volumes: all, ...(againInMs === undefined ? {} : {againInMs})});
      const once = entry.again;
      Object.assign(kept, {refreshing: false, again: false});
      if (once) refresh(pod);
    } catch (error) {
      Object.assign(entry, {refreshing: false, again: false});
      log.warn('volumes of a pod could not be brought up to date', {uid, error: describeError(error)});
    }
  };
  const drop = (uid: string): void => {
    entries.get(uid)?.cancel?.();
    entries.delete(uid);
  };
  return {
    async prepare(pod, signal) {
      keep(pod, await prepareVolumes(pod, context, signal));
    },
    mounts: (pod, container, environment) =>
      containerMounts({
        pod,
        container,
        rootDir: context.rootDir,
        volumes: entries.get(pod.metadata.uid)?.prepared.volumes ?? new Map(),
        environment,
        recursiveReadOnly: false,
      }),
    async tearDown(uid) {
      drop(uid);
      await teardownVolumes(uid, context);
    },
    refresh,
    stop() {
      for (const uid of [...entries.keys()]) drop(uid);
    },
  };
}
