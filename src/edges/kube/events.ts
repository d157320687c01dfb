import {codeOfEvent} from '../../lib/codes/spoken.ts';
import type {Event, KubeObject} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {events} from '../../lib/resources.ts';
import {type Clock, timestamp} from '../../lib/time.ts';
import type {KubeClient} from './client.ts';
import {isNotFound} from './errors.ts';

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

export type EventRecorder = {
  /** Tells an event. Never waits and never throws: an event that cannot be sent is lost. */
  record(
    target: EventTarget,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    annotations?: Readonly<Record<string, string>>,
  ): void;
  /** Sends what is queued, then stops. */
  stop(): Promise<void>;
};

export type EventRecorderOptions = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly component: string;
  readonly host: string;
};

/** client-go's event correlator: a burst of 25 per source and object, then one in five minutes. */
const burst = 25;
const refillMs = 300_000;
/** Equal events count together for ten minutes (client-go: defaultAggregateIntervalInSeconds). */
const sameMs = 600_000;
const maxQueued = 1000;
const maxKnown = 4096;
const maxMessage = 1024;
const sendTimeoutMs = 10_000;

type Known = {name: string; namespace: string; count: number; seenMs: number};
type Job = {readonly key: string; readonly event: Draft; readonly nowMs: number};
type Draft = Omit<Event, 'metadata'> & {
  metadata: {name: string; namespace: string; annotations?: Record<string, string>};
};

/** The target of an event about a whole object. */
export function eventTarget(
  object: KubeObject & {metadata: {namespace?: string}},
  fieldPath?: string,
): EventTarget {
  const {name, namespace, uid, resourceVersion} = object.metadata;
  return {
    kind: object.kind ?? '',
    apiVersion: object.apiVersion ?? 'v1',
    name,
    uid,
    resourceVersion,
    ...(namespace === undefined ? {} : {namespace}),
    ...(fieldPath === undefined ? {} : {fieldPath}),
  };
}

/** A recorder that sends core/v1 Events one after the other, counting equal ones in one object. */
export function startEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

function spoken({kind, namespace, name}: EventTarget): {object: string} {
  return {object: `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`};
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #queue: Job[] = [];
  readonly #known = new Map<string, Known>();
  readonly #tokens = new Map<string, {left: number; atMs: number}>();
  #sending: Promise<void> | undefined;
  #serial = 0;
  #dropped = 0;
  #stopped = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  record(
    target: EventTarget,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    annotations?: Readonly<Record<string, string>>,
  ): void {
    const nowMs = this.#options.clock.now();
    if (this.#stopped || !this.#allowed(target, nowMs)) return;
    // A node may write events but not read them: `nodectl status` finds in the log why a pod waits.
    if (type === 'Warning') this.#options.log.info('event', {...spoken(target), reason, message});
    if (this.#queue.length >= maxQueued) {
      this.#dropped++;
      return;
    }
    const code = type === 'Warning' ? codeOfEvent(reason, message) : undefined;
    const more = code === undefined ? '' : ` (nodectl explain ${code})`;
    const room = maxMessage - more.length;
    const text = `${message.length > room ? `${message.slice(0, room - 3)}...` : message}${more}`;
    const draft = this.#draft(target, type, reason, text, nowMs);
    const event =
      annotations === undefined
        ? draft
        : {...draft, metadata: {...draft.metadata, annotations: {...annotations}}};
    const key = JSON.stringify([
      target.kind,
      target.namespace,
      target.name,
      target.uid,
      target.fieldPath,
      type,
      reason,
      text,
    ]);
    this.#queue.push({key, event, nowMs});
    this.#sending ??= this.#drain();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#sending;
  }

  /** A token bucket per object (client-go: EventSourceObjectSpamFilter). */
  #allowed(target: EventTarget, nowMs: number): boolean {
    const key = `${target.kind}/${target.namespace ?? ''}/${target.name}/${target.uid ?? ''}`;
    const bucket = this.#tokens.get(key) ?? {left: burst, atMs: nowMs};
    const left = Math.min(burst, bucket.left + (nowMs - bucket.atMs) / refillMs);
    this.#tokens.delete(key);
    this.#tokens.set(key, {left: left >= 1 ? left - 1 : left, atMs: nowMs});
    forgetOldest(this.#tokens);
    return left >= 1;
  }

  #draft(
    target: EventTarget,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    nowMs: number,
  ): Draft {
    const {component, host} = this.#options;
    const namespace = target.namespace ?? 'default';
    // As client-go names them: the object and a number that does not come again.
    const suffix = (BigInt(nowMs) * 1_000_000n + BigInt(this.#serial++ % 1_000_000)).toString(16);
    const at = timestamp(nowMs);
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {name: `${target.name.slice(0, 230)}.${suffix}`, namespace},
      involvedObject: {...target},
      type,
      reason,
      message,
      source: {component, host},
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
      reportingComponent: component,
      reportingInstance: host,
    };
  }

  async #drain(): Promise<void> {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift())
      try {
        await this.#send(job);
      } catch (error) {
        this.#options.log.debug('an event was lost', {reason: job.event.reason, error: String(error)});
      }
    this.#sending = undefined;
    if (this.#dropped > 0) this.#options.log.warn('events were dropped', {count: this.#dropped});
    this.#dropped = 0;
  }

  async #send(job: Job): Promise<void> {
    const known = this.#known.get(job.key);
    if (known !== undefined && job.nowMs - known.seenMs < sameMs && (await this.#count(known, job))) return;
    const {name, namespace} = job.event.metadata;
    await this.#options.client.create(events, job.event, {namespace}, {timeoutMs: sendTimeoutMs});
    this.#remember(job.key, {name, namespace, count: 1, seenMs: job.nowMs});
  }

  /** False when the counted event is gone, so that a new one is made. */
  async #count(known: Known, job: Job): Promise<boolean> {
    const count = known.count + 1;
    const body = {count, lastTimestamp: job.event.lastTimestamp, message: job.event.message};
    try {
      await this.#options.client.patch(events, known, {type: 'strategic', body}, {timeoutMs: sendTimeoutMs});
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
    this.#remember(job.key, {...known, count, seenMs: job.nowMs});
    return true;
  }

  #remember(key: string, known: Known): void {
    this.#known.delete(key);
    this.#known.set(key, known);
    forgetOldest(this.#known);
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > maxKnown && oldest !== undefined) map.delete(oldest);
}
