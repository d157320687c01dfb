import type {Clock} from '../../lib/time.ts';
import {pause} from '../clock.ts';
import type {CallOptions, KubeClient} from './client.ts';

/** So many calls a second, and so many at once after a rest; 0 a second is no limit. */
export type Rate = {readonly perSecond: number; readonly burst: number};

const {signal: never} = new AbortController();

/** A token bucket in which who comes reserves his place, so that nobody is overtaken. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #clock: Clock;
  #left: number;
  #atMs: number;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#left = rate.burst;
    this.#atMs = clock.monotonic();
  }

  /** Takes a token; how long to wait for it. */
  takeMs(): number {
    const {perSecond, burst} = this.#rate;
    if (perSecond === 0) return 0;
    const nowMs = this.#clock.monotonic();
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#atMs) * perSecond) / 1000) - 1;
    this.#atMs = nowMs;
    return this.#left >= 0 ? 0 : (-this.#left / perSecond) * 1000;
  }

  /** @throws the signal's reason when it is aborted */
  async take(signal?: AbortSignal): Promise<void> {
    const ms = this.takeMs();
    if (ms > 0) await pause(this.#clock, ms, signal ?? never);
    signal?.throwIfAborted();
  }
}

/** A client whose calls keep to a rate; watches, which wait by themselves before they are tried again, do not count. */
export function limited(
  client: KubeClient,
  rate: Rate,
  clock: Clock,
  onTurn?: (verb: string, seconds: number) => void,
): KubeClient {
  const limit = new RateLimit(rate, clock);
  const first = async <T>(verb: string, options: CallOptions | undefined, call: () => Promise<T>) => {
    const askedMs = clock.monotonic();
    await limit.take(options?.signal);
    onTurn?.(verb, (clock.monotonic() - askedMs) / 1000);
    return call();
  };
  return {
    get: (resource, key, options) => first('GET', options, () => client.get(resource, key, options)),
    list: (resource, query, options) => first('GET', options, () => client.list(resource, query, options)),
    create: (resource, object, key, options) =>
      first('POST', options, () => client.create(resource, object, key, options)),
    update: (resource, object, subresource, options) =>
      first('PUT', options, () => client.update(resource, object, subresource, options)),
    patch: (resource, key, patch, options) =>
      first('PATCH', options, () => client.patch(resource, key, patch, options)),
    delete: (resource, key, how, options) =>
      first('DELETE', options, () => client.delete(resource, key, how, options)),
    request: (method, path, body, options) =>
      first(method, options, () => client.request(method, path, body, options)),
    watch: (resource, query, signal) => client.watch(resource, query, signal),
  };
}
