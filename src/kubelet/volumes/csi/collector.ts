import {Queue} from '../../../lib/control/queue.ts';
import type {Serial} from '../../../lib/control/serial.ts';
import {describeError} from '../../../lib/errors.ts';
import type {Logger} from '../../../lib/log.ts';
import type {Clock} from '../../../lib/time.ts';
import type {Drivers} from './driver/drivers.ts';
import type {Inventory} from './driver/inventory.ts';
import {type StagedVolume, stagedOnDisk} from './volume/on-disk.ts';
import type {Stager} from './volume/stager.ts';

export type StageCollectorOptions = {
  readonly rootDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly drivers: Drivers;
  readonly inventory: Inventory;
  readonly stager: Stager;
  readonly serial: Serial;
  /** A volume is no longer in use. */
  readonly onGone: () => void;
};

/** pkg/util/goroutinemap/exponentialbackoff. */
const backoff = {firstMs: 500, maxMs: 122_000};

/** Unstages what no pod uses; a driver that cannot do it now is asked again, later and later. */
export class StageCollector {
  readonly #options: StageCollectorOptions;
  readonly #queue: Queue;
  #found: ReadonlyMap<string, StagedVolume> = new Map();

  constructor(options: StageCollectorOptions) {
    this.#options = options;
    this.#queue = new Queue({
      clock: options.clock,
      concurrency: 16,
      backoff,
      work: (directory) => this.#unstage(directory),
      onError: (directory, error, retryInMs) =>
        options.log.warn('a volume could not be unstaged', {
          directory,
          retryInMs,
          error: describeError(error),
        }),
    });
  }

  /**
   * Looks at the disk. Returns when all is found; the drivers take their time. One that has failed is not asked before
   * its back-off has passed, unless it is `came`, a driver that has registered just now.
   */
  async collect(came?: string): Promise<void> {
    const {rootDir, inventory} = this.#options;
    const staged = await stagedOnDisk(rootDir);
    this.#found = new Map(staged.map((volume) => [volume.directory, volume]));
    for (const {directory, uniqueName, driver} of staged) {
      const mayAsk = driver === came || !this.#queue.isDelayed(directory);
      if (mayAsk && !inventory.isUsed(uniqueName)) this.#queue.enqueue(directory);
    }
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #unstage(directory: string): Promise<undefined> {
    const {drivers, inventory, stager, serial, onGone} = this.#options;
    const volume = this.#found.get(directory);
    if (volume === undefined) return;
    const {driver: name, uniqueName} = volume;
    await serial.run(uniqueName, async () => {
      // A pod may have come for it in the meantime.
      if (inventory.isUsed(uniqueName)) return;
      const driver = {node: drivers.get(name), capabilities: await drivers.capabilities(name, undefined)};
      await stager.undo(driver, volume);
    });
    onGone();
  }
}
