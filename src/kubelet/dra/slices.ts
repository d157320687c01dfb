import type {KubeClient} from '../../edges/kube/client.ts';
import {isNotFound} from '../../edges/kube/errors.ts';
import {Queue} from '../../lib/control/queue.ts';
import {describeError} from '../../lib/errors.ts';
import type {Node} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {resourceSlices} from '../../lib/resources.ts';
import type {Cancel, Clock} from '../../lib/time.ts';

export type SliceWiperOptions = {
  readonly client: KubeClient;
  readonly nodeName: string;
  /** Our Node as last known. */
  readonly node: () => Node | undefined;
  readonly clock: Clock;
  readonly log: Logger;
};

/** defaultWipingDelay: a driver that is upgraded is back before. */
const delayMs = 30_000;
const backoff = {firstMs: 1_000, maxMs: 300_000};
const timeoutMs = 30_000;
/** All drivers. */
const everything = '';

/**
 * Takes away what drivers have published that are not there any more, so that nobody is given their devices
 * (dra_plugin_manager.go); at the start of all drivers: those that live publish again.
 */
export class SliceWiper {
  readonly #options: SliceWiperOptions;
  readonly #queue: Queue;
  readonly #pending = new Map<string, Cancel>();

  constructor(options: SliceWiperOptions) {
    const {clock, log} = options;
    this.#options = options;
    this.#queue = new Queue({
      clock,
      concurrency: 1,
      backoff,
      work: (driver, signal) => this.#wipe(driver, signal),
      onError: (driver, error, retryInMs) =>
        log.debug('resource slices could not be deleted', {driver, retryInMs, error: describeError(error)}),
    });
    this.#queue.enqueue(everything);
  }

  /** The driver has gone; there is time to come back. */
  gone(driver: string): void {
    if (this.#pending.has(driver)) return;
    const later = this.#options.clock.after(delayMs, () => {
      this.#pending.delete(driver);
      this.#queue.enqueue(driver);
    });
    this.#pending.set(driver, later);
  }

  back(driver: string): void {
    this.#pending.get(driver)?.();
    this.#pending.delete(driver);
  }

  async stop(): Promise<void> {
    for (const cancel of this.#pending.values()) cancel();
    await this.#queue.stop();
  }

  async #wipe(driver: string, signal: AbortSignal): Promise<undefined> {
    const {client, nodeName, node} = this.#options;
    // The API server lets a kubelet delete what belongs to a Node that exists.
    if (node() === undefined) throw new Error('the Node is not known yet');
    const fieldSelector = [
      `spec.nodeName=${nodeName}`,
      ...(driver === everything ? [] : [`spec.driver=${driver}`]),
    ].join(',');
    try {
      const {items} = await client.list(resourceSlices, {fieldSelector}, {signal, timeoutMs});
      for (const {metadata} of items) await this.#delete(metadata, signal);
    } catch (error) {
      // A cluster without resource.k8s.io/v1 has no slices.
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  async #delete({name, uid}: {name: string; uid: string}, signal: AbortSignal): Promise<void> {
    try {
      const how = {preconditions: {uid}};
      await this.#options.client.delete(resourceSlices, {name}, how, {signal, timeoutMs});
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
