import {staticAnnotations} from '../../config/pod/static-pod.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {isAlreadyExists, isConflict, isNotFound} from '../../edges/kube/errors.ts';
import {Queue} from '../../lib/control/queue.ts';
import type {Decision} from '../../lib/control/reconcile.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {nodes, pods} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';

/** The API's image of a static pod, so that it is seen there. Nothing is run because of it. */
export function isMirror({metadata}: Pod): boolean {
  return metadata.annotations?.[staticAnnotations.mirror] !== undefined;
}

export function fullName({metadata}: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

export type MirrorAct =
  | {readonly do: 'create'; readonly pod: Pod}
  | {readonly do: 'delete'; readonly mirror: Pod};

/** A mirror belongs to one version of its pod: another hash means another mirror. */
export function decideMirror(pod: Pod | undefined, mirror: Pod | undefined): Decision<MirrorAct> {
  if (mirror === undefined) return {acts: pod === undefined ? [] : [{do: 'create', pod}]};
  const {annotations = {}, deletionTimestamp} = mirror.metadata;
  const hash = pod?.metadata.annotations?.[staticAnnotations.hash];
  const stale = hash === undefined || annotations[staticAnnotations.mirror] !== hash;
  return {acts: stale || deletionTimestamp !== undefined ? [{do: 'delete', mirror}] : []};
}

export type MirrorsOptions = {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Another version of that pod has not come to its end yet: until then its mirror shows that one. */
  readonly ending: (pod: Pod) => boolean;
};

const callTimeoutMs = 10_000;

/** Keeps one mirror in the API for each static pod. */
export class Mirrors {
  readonly #options: MirrorsOptions;
  readonly #queue: Queue;
  readonly #statics = new Map<string, Pod>();
  readonly #mirrors = new Map<string, Pod>();
  readonly #held = new Set<string>();

  constructor(options: MirrorsOptions) {
    this.#options = options;
    this.#queue = new Queue({
      clock: options.clock,
      concurrency: 4,
      backoff: {firstMs: 500, maxMs: 30_000},
      work: (key) => this.#work(key),
      onError: (key, error, retryInMs) =>
        options.log.warn('a mirror pod could not be kept', {
          pod: key,
          retryInMs,
          error: describeError(error),
        }),
    });
  }

  setStatics(all: readonly Pod[]): void {
    const keys = new Set([...this.#statics.keys(), ...all.map(fullName)]);
    this.#statics.clear();
    for (const pod of all) this.#statics.set(fullName(pod), pod);
    for (const key of keys) this.#queue.enqueue(key);
  }

  /** Of the API's pods, those that are mirrors. */
  observed(mirror: Pod): void {
    this.#mirrors.set(fullName(mirror), mirror);
    this.#queue.enqueue(fullName(mirror));
  }

  gone(mirror: Pod): void {
    const key = fullName(mirror);
    if (this.#mirrors.get(key)?.metadata.uid === mirror.metadata.uid) this.#mirrors.delete(key);
    this.#queue.enqueue(key);
  }

  /** A pod has come to its end: what waited for that is looked at again. */
  ended(): void {
    // Emptied first: what must still wait is held again while this goes on.
    const held = [...this.#held];
    this.#held.clear();
    for (const key of held) this.#queue.enqueue(key);
  }

  mirrorOf(pod: Pod): Pod | undefined {
    return this.#mirrors.get(fullName(pod));
  }

  count(): number {
    return this.#mirrors.size;
  }

  staticOf(mirror: Pod): Pod | undefined {
    return this.#statics.get(fullName(mirror));
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #work(key: string): Promise<undefined> {
    const pod = this.#statics.get(key);
    const mirror = this.#mirrors.get(key);
    const either = pod ?? mirror;
    if (either !== undefined && this.#options.ending(either)) {
      this.#held.add(key);
      return;
    }
    const {acts} = decideMirror(pod, mirror);
    for (const act of acts) await this.#apply(act);
  }

  async #apply(act: MirrorAct): Promise<void> {
    switch (act.do) {
      case 'create':
        return this.#create(act.pod);
      case 'delete':
        return this.#delete(act.mirror);
      default:
        return act satisfies never;
    }
  }

  async #create(pod: Pod): Promise<void> {
    const {client, nodeName} = this.#options;
    const options = {timeoutMs: callTimeoutMs};
    const node = await client.get(nodes, {name: nodeName}, options);
    const {name, namespace, labels, annotations = {}} = pod.metadata;
    const owner = {apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid, controller: true};
    const hash = annotations[staticAnnotations.hash] ?? '';
    const metadata = {
      name,
      namespace,
      ...(labels === undefined ? {} : {labels}),
      annotations: {...annotations, [staticAnnotations.mirror]: hash},
      ownerReferences: [owner],
    };
    const draft = {apiVersion: 'v1', kind: 'Pod', metadata, spec: pod.spec};
    try {
      this.observed(await client.create(pods, draft, {namespace}, options));
    } catch (error) {
      // It is there and the watch will show it, or something else has its name.
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async #delete(mirror: Pod): Promise<void> {
    const {name, namespace, uid} = mirror.metadata;
    const how = {gracePeriodSeconds: 0, preconditions: {uid}};
    try {
      await this.#options.client.delete(pods, {name, namespace}, how, {timeoutMs: callTimeoutMs});
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}
