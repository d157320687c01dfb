/** What an event is about: an object or a reference to one, and the part of it (`spec.containers{web}`). */
export type EventTarget = {
  readonly kind: string;
  readonly apiVersion?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly fieldPath?: string;
};

/** client-go's numbers (tools/record, events_cache.go): a burst for each object, then one in five minutes. */
const burst = 25;
const refillMs = 300_000;
/** So many messages of one reason are told one by one; further ones share an event until it is quiet for so long. */
const maxMessages = 9;
const similarMs = 600_000;
const maxKnown = 4096;

export type Said = {
  readonly target: EventTarget;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
};

export type Correlated = {
  /** Events with one key are one object that counts. */
  readonly key: string;
  readonly message: string;
};

type Similar = {readonly messages: Set<string>; atMs: number};

/** Keeps who has much to say from filling the API server: similar events become one, too many are not told. */
export class EventCorrelator {
  readonly #similar = new Map<string, Similar>();
  readonly #tokens = new Map<string, {left: number; atMs: number}>();

  /** Undefined where the object has said too much. */
  correlate(said: Said, nowMs: number): Correlated | undefined {
    const correlated = this.#combine(said, nowMs);
    return this.#mayBeTold(said.target, nowMs) ? correlated : undefined;
  }

  /** EventAggregatorByReasonFunc: alike is what differs by its message, or by the part of the object, only. */
  #combine({target, type, reason, message}: Said, nowMs: number): Correlated {
    const {kind, apiVersion, namespace, name, uid, fieldPath} = target;
    const alike = [kind, apiVersion, namespace, name, uid, type, reason];
    const key = JSON.stringify(alike);
    const known = this.#similar.get(key);
    const isOver = known === undefined || nowMs - known.atMs > similarMs;
    const similar = isOver ? {messages: new Set<string>(), atMs: nowMs} : known;
    similar.atMs = nowMs;
    renew(this.#similar, key, similar);
    if (similar.messages.size >= maxMessages && !similar.messages.has(message))
      return {key, message: `(combined from similar events): ${message}`};
    similar.messages.add(message);
    return {key: JSON.stringify([...alike, fieldPath, message]), message};
  }

  /** A token bucket for each object (EventSourceObjectSpamFilter). */
  #mayBeTold({kind, apiVersion, namespace, name, uid}: EventTarget, nowMs: number): boolean {
    const key = JSON.stringify([kind, apiVersion, namespace, name, uid]);
    const bucket = this.#tokens.get(key) ?? {left: burst, atMs: nowMs};
    const left = Math.min(burst, bucket.left + (nowMs - bucket.atMs) / refillMs);
    renew(this.#tokens, key, {left: left >= 1 ? left - 1 : left, atMs: nowMs});
    return left >= 1;
  }
}

/** Puts a value at the end of a map from which the oldest goes when it is full. */
export function renew<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > maxKnown && oldest !== undefined) map.delete(oldest);
}
