import type {KubeletConfig} from '../../config/kubelet.ts';
import {directoryUsage} from '../../edges/mounts/directory-usage.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod, Volume} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {podPaths} from '../pod/config/pod-paths.ts';
import {claimName} from '../volumes/resolve.ts';
import type {VolumeUsage} from '../volumes/types.ts';
import type {ReadVolumes, Usage, VolumeStats} from './types.ts';
import {isLocal} from './volumes.ts';

export type {ReadVolumes} from './types.ts';

/** What a pod's files take: read now and then, for it means to walk through them. */
export type PodFiles = {
  readonly logs: ReadonlyMap<string, Usage>;
  readonly own: Usage;
  readonly volumes: readonly VolumeStats[];
};

export type PodFilesOptions = {
  readonly config: KubeletConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly readVolumes: ReadVolumes;
};

type Known = {readonly atMs: number; readonly files: PodFiles};

/** A pod that may be evicted for what it stores, or whose volumes are still to come, is looked at in each round. */
const limitedMs = 9_000;
const none: Usage = {usedBytes: 0, inodesUsed: 0};

/** Remembers what was read of each pod for volumeStatsAggPeriod; a negative period is never. */
export class PodFilesReader {
  readonly #options: PodFilesOptions;
  #known = new Map<string, Known>();

  constructor(options: PodFilesOptions) {
    this.#options = options;
  }

  /** One pod after the other, so that a full disk is not read by all at once. */
  async read(pods: readonly Pod[], signal: AbortSignal): Promise<ReadonlyMap<string, PodFiles>> {
    const next = new Map<string, Known>();
    for (const pod of pods) {
      const {uid} = pod.metadata;
      const known = this.#known.get(uid);
      next.set(uid, this.#isFresh(pod, known) ? known : await this.#readPod(pod, signal));
    }
    this.#known = next;
    return new Map([...next].map(([uid, {files}]) => [uid, files]));
  }

  #isFresh(pod: Pod, known: Known | undefined): known is Known {
    const {clock, config} = this.#options;
    if (known === undefined) return false;
    const periodMs =
      hasStorageLimit(pod) || isPartial(pod, known.files)
        ? Math.min(limitedMs, Math.abs(config.volumeStatsAggPeriod))
        : config.volumeStatsAggPeriod;
    return periodMs < 0 || clock.monotonic() - known.atMs < periodMs;
  }

  async #readPod(pod: Pod, signal: AbortSignal): Promise<Known> {
    const {clock, config, log} = this.#options;
    const atMs = clock.monotonic();
    try {
      const {logs: directory, etcHosts, lastWords} = podPaths(config, pod);
      const logs = new Map<string, Usage>();
      let inContainers = none;
      for (const {name} of containersOf(pod)) {
        const usage = await directoryUsage(`${directory}/${name}`, signal);
        if (usage === undefined) continue;
        logs.set(name, usage);
        inContainers = sum(inContainers, usage);
      }
      const [whole, hosts, words, volumes] = await Promise.all([
        directoryUsage(directory, signal),
        directoryUsage(etcHosts, signal),
        directoryUsage(lastWords, signal),
        this.#options.readVolumes(pod, signal),
      ]);
      // A container may write to all of them, as much as it likes.
      const own = [hosts, words].reduce<Usage>(
        (all, usage) => sum(all, usage ?? none),
        less(whole ?? none, inContainers),
      );
      return {atMs, files: {logs, own, volumes: volumeStats(pod, volumes)}};
    } catch (error) {
      signal.throwIfAborted();
      log.warn('the files of a pod could not be counted', {
        uid: pod.metadata.uid,
        error: describeError(error),
      });
      const files = this.#known.get(pod.metadata.uid)?.files ?? {logs: new Map(), own: none, volumes: []};
      return {atMs, files};
    }
  }
}

export function containersOf({spec}: Pod) {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

export function sum(a: Usage, b: Usage): Usage {
  return {usedBytes: a.usedBytes + b.usedBytes, inodesUsed: a.inodesUsed + b.inodesUsed};
}

function less(a: Usage, b: Usage): Usage {
  return {
    usedBytes: Math.max(0, a.usedBytes - b.usedBytes),
    inodesUsed: Math.max(0, a.inodesUsed - b.inodesUsed),
  };
}

function volumeStats(pod: Pod, usage: ReadonlyMap<string, VolumeUsage>): VolumeStats[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => {
    const found = usage.get(volume.name);
    if (found === undefined) return [];
    const claim = claimName(pod, volume);
    const common = {...found, name: volume.name, ephemeral: isEphemeral(volume)};
    return [claim === undefined ? common : {...common, claim}];
  });
}

/** IsLocalEphemeralVolume (pkg/volume/util): files that lie on the node's own disk and go with the pod. */
export function isEphemeral({emptyDir, configMap, gitRepo}: Volume): boolean {
  return (
    gitRepo !== undefined ||
    configMap !== undefined ||
    (emptyDir !== undefined && (emptyDir.medium === undefined || emptyDir.medium === ''))
  );
}

function isPartial({spec}: Pod, {volumes}: PodFiles): boolean {
  return (spec.volumes ?? []).some(
    (volume) => isLocal(volume) && !volumes.some(({name}) => name === volume.name),
  );
}

/** Whether the pod has a limit on what it stores. */
export function hasStorageLimit(pod: Pod): boolean {
  return (
    containersOf(pod).some(({resources}) => resources?.limits?.['ephemeral-storage'] !== undefined) ||
    (pod.spec.volumes ?? []).some(({emptyDir}) => emptyDir?.sizeLimit !== undefined)
  );
}
