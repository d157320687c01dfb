import type {PodRuntime, RuntimeContainer} from '../pod/status/runtime-state.ts';

export type GarbageSeen = {
  /** What the runtime has, by pod UID. */
  readonly runtime: ReadonlyMap<string, PodRuntime>;
  /** UIDs that a source or a worker knows. */
  readonly known: ReadonlySet<string>;
  /** UIDs that have a directory below `<root>/pods`. */
  readonly podDirectories: readonly string[];
  /** Names below podLogsDir: `<namespace>_<name>_<uid>`. */
  readonly logDirectories: readonly string[];
  /** Cgroups of pods on this node. */
  readonly cgroups: readonly {readonly uid: string; readonly path: string}[];
};

export type GarbageAct =
  | {readonly do: 'removeContainer'; readonly uid: string; readonly container: RuntimeContainer}
  | {readonly do: 'removeSandbox'; readonly uid: string; readonly id: string}
  | {readonly do: 'removePodDirectory'; readonly uid: string}
  | {readonly do: 'removeLogDirectory'; readonly name: string}
  | {readonly do: 'removeCgroup'; readonly path: string};

/**
 * What nobody needs any more: of each container all but the newest that ended (Kubernetes keeps one, for its exit
 * code and log), sandboxes that are neither the newest nor hold a container, and what pods of the past have left.
 */
export function decideGarbage(seen: GarbageSeen): GarbageAct[] {
  // Pods that nobody knows, but that the runtime still has, are ended by their workers.
  const gone = (uid: string) => !seen.known.has(uid) && !seen.runtime.has(uid);
  return [
    ...[...seen.runtime].flatMap(([uid, runtime]) => ofPod(uid, runtime)),
    ...seen.podDirectories.filter(gone).map((uid) => ({do: 'removePodDirectory', uid}) as const),
    ...seen.logDirectories
      .filter((name) => gone(name.split('_').at(-1) ?? ''))
      .map((name) => ({do: 'removeLogDirectory', name}) as const),
    ...seen.cgroups.filter(({uid}) => gone(uid)).map(({path}) => ({do: 'removeCgroup', path}) as const),
  ];
}

function ofPod(uid: string, {containers, sandboxes}: PodRuntime): GarbageAct[] {
  const kept = new Set<string>();
  const newest = new Set<string>();
  const dead = containers.filter((container) => {
    const isNewest = !newest.has(container.name);
    newest.add(container.name);
    if (container.state === 'running' || container.state === 'unknown' || isNewest) {
      if (container.state === 'exited') kept.add(container.name);
      return false;
    }
    if (container.state === 'exited' && !kept.has(container.name)) {
      kept.add(container.name);
      return false;
    }
    return true;
  });
  const alive = new Set(containers.filter((c) => !dead.includes(c)).map(({sandboxId}) => sandboxId));
  return [
    ...dead.map((container) => ({do: 'removeContainer', uid, container}) as const),
    ...sandboxes
      .slice(1)
      .filter(({id, ready}) => !ready && !alive.has(id))
      .map(({id}) => ({do: 'removeSandbox', uid, id}) as const),
  ];
}
