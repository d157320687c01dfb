import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cgroups} from '../../edges/cgroups/cgroups.ts';
import {type Cri, isCriNotFound} from '../../edges/cri/client.ts';
import {listDirectory, removeFile} from '../../edges/files/files.ts';
import {removeLinksInto} from '../../edges/files/pods/pod-files.ts';
import {removeTree} from '../../edges/files/trees.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {deadParts} from '../eviction/reclaim.ts';
import {type Periodic, startPeriodic} from '../periodic.ts';
import {podCgroupPath} from '../pod/config/resources/cgroup-names.ts';
import {nothingRuns, type RuntimeContainer} from '../pod/status/runtime-state.ts';
import type {RuntimeCache} from '../runtime/cache.ts';
import {decideGarbage, type GarbageAct, type GarbageSeen} from '../runtime/garbage.ts';
import {removeFromRuntime} from '../runtime/remove.ts';
import {podsOnDisk} from '../volumes/places.ts';

export type CollectorOptions = {
  readonly config: KubeletConfig;
  readonly cri: Cri;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  readonly log: Logger;
  readonly runtime: RuntimeCache;
  /** All UIDs that are somebody's; undefined as long as not everything is known. */
  readonly known: () => ReadonlySet<string> | undefined;
  readonly tearDownVolumes: (uid: string) => Promise<void>;
  /** Gives back the ids of the machine that a pod of the past had. */
  readonly releaseIds: (uid: string) => Promise<void>;
  /** Gives back what volumes of pods of the past have shared. */
  readonly collectVolumes: () => Promise<void>;
  /** Gives back claims of pods of the past, which drivers have prepared. */
  readonly collectClaims: (known: ReadonlySet<string>) => Promise<void>;
};

/** Kubernetes' period. */
const periodMs = 60_000;
const firstMs = 5_000;

/** Takes away what ended containers and pods of the past have left; nothing before everything is known. */
export function startCollector(options: CollectorOptions): Periodic {
  return startPeriodic({clock: options.clock, firstMs, everyMs: periodMs}, async (isStopped) => {
    try {
      for (const act of decideGarbage(await observe(options)))
        if (!isStopped()) await applySafely(options, act);
      const known = options.known();
      if (isStopped() || known === undefined) return;
      await safely(options, 'collectVolumes', options.collectVolumes);
      await safely(options, 'unprepareClaims', () => options.collectClaims(known));
    } catch (error) {
      options.log.warn('leftovers could not be looked for', {error: describeError(error)});
    }
  });
}

const nothing: GarbageSeen = {
  runtime: new Map(),
  known: new Set(),
  podDirectories: [],
  logDirectories: [],
  cgroups: [],
};

async function observe({config, cgroups, runtime, known}: CollectorOptions): Promise<GarbageSeen> {
  const [podDirectories, logDirectories, podCgroups] = await Promise.all([
    podsOnDisk(config.rootDir),
    listDirectory(config.podLogsDir),
    listPodCgroups(config, cgroups),
  ]);
  // After the directories: a pod is known before anything of it is made, so a new one is never taken for an old one.
  const uids = known();
  if (uids === undefined || !runtime.hasListed) return nothing;
  const seen = new Map(
    runtime.uids().map((uid) => [uid, runtime.peek(uid) ?? {sandboxes: [], containers: []}]),
  );
  return {runtime: seen, known: uids, podDirectories, logDirectories, cgroups: podCgroups};
}

async function listPodCgroups({cgroupDriver, cgroupRoot}: KubeletConfig, cgroups: Cgroups) {
  const pattern = cgroupDriver === 'systemd' ? /-?pod([0-9a-f_]+)\.slice$/ : /^pod([0-9a-f-]+)$/;
  const found: {uid: string; path: string}[] = [];
  for (const qos of ['Guaranteed', 'Burstable', 'BestEffort'] as const) {
    const parent = podCgroupPath(cgroupDriver, cgroupRoot, qos, 'x').split('/').slice(0, -1).join('/');
    for (const name of await cgroups.children(parent)) {
      const uid = pattern.exec(name)?.[1]?.replaceAll('_', '-');
      if (uid !== undefined) found.push({uid, path: `${parent}/${name}`});
    }
  }
  return found;
}

export type DeadOptions = Pick<CollectorOptions, 'config' | 'cri' | 'log' | 'runtime'> & {
  /** The pod has come to its end, and everybody who asks knows how. */
  readonly isOver: (uid: string) => boolean;
};

/** Under pressure: also the last remains of pods that have come to their end, and their logs (DeleteAllUnusedContainers). */
export async function removeDead({isOver, ...options}: DeadOptions): Promise<void> {
  for (const uid of options.runtime.uids().filter(isOver)) {
    const {containers, sandboxes} = deadParts(options.runtime.peek(uid) ?? nothingRuns);
    for (const container of containers)
      await safely(options, 'removeContainer', () => removeContainer(options, uid, container));
    for (const id of sandboxes) await safely(options, 'removeSandbox', () => removeSandbox(options, uid, id));
  }
}

function applySafely(options: CollectorOptions, act: GarbageAct): Promise<void> {
  return safely(options, act.do, () => apply(options, act));
}

async function safely(
  {log}: Pick<CollectorOptions, 'log'>,
  act: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isCriNotFound(error))
      log.warn('a leftover could not be removed', {act, error: describeError(error)});
  }
}

async function apply(options: CollectorOptions, act: GarbageAct): Promise<void> {
  const {config, cgroups} = options;
  switch (act.do) {
    case 'removeContainer':
      return removeContainer(options, act.uid, act.container);
    case 'removeSandbox':
      return removeSandbox(options, act.uid, act.id);
    case 'removePodDirectory':
      await options.tearDownVolumes(act.uid);
      return options.releaseIds(act.uid);
    case 'removeLogDirectory':
      await removeLinksInto(config.containerLogDir, `${config.podLogsDir}/${act.name}`);
      return removeTree(`${config.podLogsDir}/${act.name}`);
    case 'removeCgroup':
      return cgroups.remove(act.path);
    default:
      return act satisfies never;
  }
}

type Removing = Pick<CollectorOptions, 'config' | 'cri' | 'runtime'>;

async function removeContainer(
  {config, cri, runtime}: Removing,
  uid: string,
  container: RuntimeContainer,
): Promise<void> {
  const {runtimeRequestTimeout: timeoutMs, containerRuntimeEndpoint: endpoint} = config;
  await removeFromRuntime({cri, endpoint, timeoutMs}, container.id);
  await removeLog(config, container);
  runtime.touch(uid);
}

async function removeSandbox(
  {config, cri, runtime}: Removing,
  uid: string,
  podSandboxId: string,
): Promise<void> {
  await cri.runtime.removePodSandbox({podSandboxId}, {timeoutMs: config.runtimeRequestTimeout});
  runtime.touch(uid);
}

/** The log, its rotated parts, and the link to it. */
async function removeLog({containerLogDir}: KubeletConfig, {logPath}: RuntimeContainer): Promise<void> {
  if (logPath === '') return;
  const slash = logPath.lastIndexOf('/');
  const [directory, file] = [logPath.slice(0, slash), logPath.slice(slash + 1)];
  for (const name of await listDirectory(directory))
    if (name === file || name.startsWith(`${file}.`)) await removeFile(`${directory}/${name}`);
  await removeLinksInto(containerLogDir, logPath);
}
