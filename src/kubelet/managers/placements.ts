import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {ActivePod} from '../admission/types.ts';
import {type Periodic, startPeriodic} from '../periodic.ts';
import {isAlive, newestContainer} from '../pod/status/runtime-state.ts';
import type {PodWorkers} from '../pod/worker.ts';
import type {RuntimeCache} from '../runtime/cache.ts';
import type {ResourceManagers} from './manager.ts';
import {containersOf} from './types.ts';

export type PlacementsOptions = {
  readonly managers: ResourceManagers;
  readonly config: KubeletConfig;
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly runtime: Pick<RuntimeCache, 'peek'>;
  readonly workers: Pick<PodWorkers, 'uids'>;
  readonly active: () => readonly ActivePod[];
  readonly hasSynced: () => boolean;
};

/**
 * Moves running containers off processors that have become somebody's own, and back when they are free again: soon
 * after each change, and every cpuManagerReconcilePeriod.
 */
export function startPlacements(options: PlacementsOptions): Periodic {
  const {managers, clock, config} = options;
  const moves = new Moves(options);
  managers.follow({inUse: () => inUse(options), onPlaced: () => moves.begin()});
  const everyMs = config.cpuManagerReconcilePeriod;
  const periodic = startPeriodic({clock, firstMs: everyMs, everyMs}, () => managers.collect());
  return {
    async stop() {
      managers.follow({inUse: () => undefined, onPlaced: () => undefined});
      await periodic.stop();
      await moves.idle();
    },
  };
}

/** Pods that are not over, and those that no source knows any more while something of them still runs. */
function inUse({active, hasSynced, workers, runtime}: PlacementsOptions): ReadonlySet<string> | undefined {
  if (!hasSynced()) return undefined;
  const alive = workers.uids().filter((uid) => runtime.peek(uid)?.containers.some(isAlive) === true);
  return new Set([...active().map(({pod}) => pod.metadata.uid), ...alive]);
}

class Moves {
  readonly #options: PlacementsOptions;
  /** By container id: the processors that the runtime was told. */
  #told = new Map<string, string>();
  #running: Promise<void> = Promise.resolve();
  #waiting = false;

  constructor(options: PlacementsOptions) {
    this.#options = options;
  }

  begin(): void {
    void this.run();
  }

  run(): Promise<void> {
    if (this.#waiting) return this.#running;
    this.#waiting = true;
    this.#running = this.#running.then(() => {
      this.#waiting = false;
      return this.#moveAll();
    });
    return this.#running;
  }

  idle(): Promise<void> {
    return this.#running;
  }

  async #moveAll(): Promise<void> {
    const {active, managers, runtime} = this.#options;
    const told = new Map<string, string>();
    for (const {pod} of active()) {
      const known = runtime.peek(pod.metadata.uid);
      if (known === undefined) continue;
      for (const container of containersOf(pod)) {
        const record = newestContainer(known, container.name);
        const {cpus} = managers.placement(pod, container);
        if (record?.state !== 'running' || cpus === undefined) continue;
        const isThere = this.#told.get(record.id) === cpus || (await this.#move(record.id, cpus));
        if (isThere) told.set(record.id, cpus);
      }
    }
    this.#told = told;
  }

  async #move(containerId: string, cpusetCpus: string): Promise<boolean> {
    const {cri, config, log} = this.#options;
    try {
      await cri.runtime.updateContainerResources(
        {containerId, linux: {cpusetCpus}},
        {timeoutMs: config.runtimeRequestTimeout},
      );
      return true;
    } catch (error) {
      log.warn('a container could not be moved to its processors', {
        containerId,
        cpus: cpusetCpus,
        error: describeError(error),
      });
      return false;
    }
  }
}
