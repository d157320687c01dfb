import {codeOfEvent} from '../../lib/codes/spoken.ts';
import type {Event, KubeObject} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {events} from '../../lib/resources.ts';
import {type Clock, timestamp} from '../../lib/time.ts';
import {pause} from '../clock.ts';
import type {KubeClient} from './client.ts';
import {ApiError, isNotFound} from './errors.ts';
import {EventCorrelator, type EventTarget, renew} from './event-correlator.ts';
import {type Rate, RateLimit} from './rate-limit.ts';

export type {EventTarget};

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
  /** No limit without it. */
  readonly rate?: Rate;
};

const maxQueued = 1000;
const maxMessage = 1024;
const sendTimeoutMs = 10_000;
/** An API server that does not answer may come back (client-go: maxTriesPerEvent, defaultSleepDuration). */
const maxTries = 12;
const retryMs = 10_000;

type Known = {name: string; namespace: string; count: number; firstTimestamp: string | undefined};
type Job = {readonly key: string; readonly event: Draft};
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

/** Kubernetes' own words, within what an event may hold, and what helps behind them. */
function explained(message: string, code: string | undefined): string {
  const more = code === undefined ? '' : `(nodectl explain ${code})`;
  const room = more === '' ? maxMessage : maxMessage - more.length - 1;
  const words = message.length > room ? `${message.slice(0, room - 3)}...` : message;
  // Of a probe that said nothing Kubernetes' words end with a space.
  return more === '' || words.endsWith(' ') ? `${words}${more}` : `${words} ${more}`;
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #queue: Job[] = [];
  readonly #known = new Map<string, Known>();
  readonly #correlator = new EventCorrelator();
  readonly #rate: RateLimit;
  readonly #stop = new AbortController();
  #sending: Promise<void> | undefined;
  #serial = 0;
  #dropped = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#rate = new RateLimit(options.rate ?? {perSecond: 0, burst: 0}, options.clock);
  }

  record(
    target: EventTarget,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    annotations?: Readonly<Record<string, string>>,
  ): void {
    const nowMs = this.#options.clock.now();
    if (this.#stop.signal.aborted) return;
    const correlated = this.#correlator.correlate({target, type, reason, message}, nowMs);
    if (correlated === undefined) return;
    // A node may write events but not read them: `nodectl status` finds in the log why a pod waits.
    if (type === 'Warning') this.#options.log.info('event', {...spoken(target), reason, message});
    if (this.#queue.length >= maxQueued) {
      this.#dropped++;
      return;
    }
    const code = type === 'Warning' ? codeOfEvent(reason, message) : undefined;
    const text = explained(correlated.message, code);
    const draft = this.#draft(target, type, reason, text, nowMs);
    const event =
      annotations === undefined
        ? draft
        : {...draft, metadata: {...draft.metadata, annotations: {...annotations}}};
    this.#queue.push({key: correlated.key, event});
    this.#sending ??= this.#drain();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#sending;
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
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      await this.#pause(this.#rate.takeMs());
      await this.#deliver(job);
    }
    this.#sending = undefined;
    if (this.#dropped > 0) this.#options.log.warn('events were dropped', {count: this.#dropped});
    this.#dropped = 0;
  }

  /** What the API server has refused is lost; what has not reached it is tried again. */
  async #deliver(job: Job): Promise<void> {
    for (let tries = 1; ; tries++)
      try {
        return await this.#send(job);
      } catch (error) {
        if (error instanceof ApiError || tries >= maxTries || this.#stop.signal.aborted) {
          this.#options.log.debug('an event was lost', {reason: job.event.reason, error: String(error)});
          // Who is asked to end does not wait for a server that is away.
          if (this.#stop.signal.aborted && !(error instanceof ApiError)) this.#queue.length = 0;
          return;
        }
        await this.#pause(tries === 1 ? retryMs * Math.random() : retryMs);
      }
  }

  /** Ends early when all is to end: then nothing waits for its turn. */
  async #pause(ms: number): Promise<void> {
    if (ms > 0) await pause(this.#options.clock, ms, this.#stop.signal);
  }

  /** The first of its kind is made, the others are counted in it, under its name also when it was collected meanwhile. */
  async #send({key, event}: Job): Promise<void> {
    const known = this.#known.get(key);
    if (known === undefined) return this.#create(key, event);
    const count = known.count + 1;
    const body = {count, lastTimestamp: event.lastTimestamp, message: event.message};
    try {
      await this.#options.client.patch(events, known, {type: 'strategic', body}, {timeoutMs: sendTimeoutMs});
      renew(this.#known, key, {...known, count});
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const metadata = {...event.metadata, name: known.name};
      await this.#create(key, {...event, metadata, count, firstTimestamp: known.firstTimestamp});
    }
  }

  async #create(key: string, event: Draft): Promise<void> {
    const {metadata, count = 1, firstTimestamp} = event;
    const {name, namespace} = metadata;
    await this.#options.client.create(events, event, {namespace}, {timeoutMs: sendTimeoutMs});
    renew(this.#known, key, {name, namespace, count, firstTimestamp});
  }
}
