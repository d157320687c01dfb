import {describeError} from '../../../../lib/errors.ts';
import type {CsiDriver} from '../../../../lib/kubernetes.ts';
import type {Logger} from '../../../../lib/log.ts';
import type {Cancel, Clock} from '../../../../lib/time.ts';
import type {DriverObjects} from '../driver/driver-objects.ts';
import type {Drivers} from '../driver/drivers.ts';
import type {NodeInfo} from './node-info.ts';

export type LimitUpdatesOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly drivers: Drivers;
  readonly objects: () => DriverObjects;
  readonly nodeInfo: NodeInfo;
};

/**
 * Asks drivers again how many volumes this node may have, as often as their CSIDriver objects want it
 * (nodeAllocatableUpdatePeriodSeconds), and keeps the answers in the CSINode.
 */
export class LimitUpdates {
  readonly #options: LimitUpdatesOptions;
  readonly #running = new Map<string, {readonly periodMs: number; cancel: Cancel}>();

  constructor(options: LimitUpdatesOptions) {
    this.#options = options;
  }

  /** The driver has come or gone, or its object has changed. */
  sync(name: string): void {
    const {drivers, objects} = this.#options;
    const object = objects().peek(name);
    const periodMs = object === 'unknown' || !drivers.has(name) ? 0 : updatePeriodMs(object);
    const running = this.#running.get(name);
    if (running?.periodMs === periodMs) return;
    running?.cancel();
    this.#running.delete(name);
    if (periodMs > 0) this.#schedule(name, periodMs);
  }

  async update(name: string): Promise<void> {
    const {drivers, nodeInfo, log} = this.#options;
    try {
      await nodeInfo.update(await drivers.nodeInfo(name, undefined));
    } catch (error) {
      log.warn('a CSI driver could not be asked about this node', {name, error: describeError(error)});
    }
  }

  stop(): void {
    for (const {cancel} of this.#running.values()) cancel();
    this.#running.clear();
  }

  #schedule(name: string, periodMs: number): void {
    const entry = {
      periodMs,
      cancel: this.#options.clock.after(periodMs, () => void this.#round(name, periodMs)),
    };
    this.#running.set(name, entry);
  }

  async #round(name: string, periodMs: number): Promise<void> {
    await this.update(name);
    if (this.#running.get(name)?.periodMs === periodMs) this.#schedule(name, periodMs);
  }
}

export function updatePeriodMs(object: CsiDriver | undefined): number {
  return (object?.spec.nodeAllocatableUpdatePeriodSeconds ?? 0) * 1000;
}
