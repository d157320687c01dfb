import type {KubeClient} from '../../edges/kube/client.ts';
import {isNotFound} from '../../edges/kube/errors.ts';
import {describeError} from '../../lib/errors.ts';
import type {KubeObject} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {apiVersion, events, type Resource} from '../../lib/resources.ts';
import {type Clock, timestamp} from '../../lib/time.ts';

export type EventNote = {
  readonly resource: Resource;
  readonly about: KubeObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Who says it: `default-scheduler`. */
  readonly component: string;
};

type Known = {readonly name: string; readonly namespace: string; count: number};

const mostRemembered = 4096;

/** Events of the controllers: the same thing said again counts up instead of making another object. */
export class EventRecorder {
  readonly #deps: {readonly client: KubeClient; readonly clock: Clock; readonly log: Logger};
  readonly #known = new Map<string, Known>();
  readonly #pending = new Set<Promise<void>>();
  #serial = 0;

  constructor(deps: {readonly client: KubeClient; readonly clock: Clock; readonly log: Logger}) {
    this.#deps = deps;
  }

  /** Never fails and is not waited for: an event must not hold up what it tells about. */
  record(note: EventNote): void {
    const work = this.#write(note).catch((error: unknown) =>
      this.#deps.log.debug('event not written', {reason: note.reason, error: describeError(error)}),
    );
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #write(note: EventNote): Promise<void> {
    const key = [note.about.metadata.uid, note.component, note.type, note.reason, note.message].join('\0');
    const known = this.#known.get(key);
    if (known === undefined) return await this.#create(key, note);
    known.count++;
    const {name, namespace, count} = known;
    const body = {count, lastTimestamp: timestamp(this.#deps.clock.now())};
    try {
      await this.#deps.client.patch(events, {namespace, name}, {type: 'merge', body});
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await this.#create(key, note);
    }
  }

  async #create(key: string, note: EventNote): Promise<void> {
    const {metadata} = note.about;
    const namespace = metadata.namespace ?? 'default';
    const nowMs = this.#deps.clock.now();
    const name = `${metadata.name}.${(nowMs * 4096 + (this.#serial++ % 4096)).toString(16)}`;
    this.#remember(key, {name, namespace, count: 1});
    await this.#deps.client.create(
      events,
      {
        metadata: {name, namespace},
        involvedObject: {
          kind: note.resource.kind,
          apiVersion: apiVersion(note.resource),
          namespace: metadata.namespace,
          name: metadata.name,
          uid: metadata.uid,
          resourceVersion: metadata.resourceVersion,
        },
        type: note.type,
        reason: note.reason,
        message: note.message,
        source: {component: note.component},
        reportingComponent: note.component,
        firstTimestamp: timestamp(nowMs),
        lastTimestamp: timestamp(nowMs),
        count: 1,
      },
      {namespace},
    );
  }

  #remember(key: string, known: Known): void {
    if (this.#known.size >= mostRemembered)
      for (const oldest of [...this.#known.keys()].slice(0, 256)) this.#known.delete(oldest);
    this.#known.set(key, known);
  }
}
