import type {KubeClient} from '../../edges/kube/client.ts';
import {isForbidden} from '../../edges/kube/errors.ts';
import {type Reflector, startReflector} from '../../edges/kube/watch/reflector.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {ConfigMap, Secret} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {configMaps, type Resource, secrets} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';

export type ObjectReference = {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
};

/** Secrets and ConfigMaps of the pods on this node, kept current by one watch for each object. */
export type ObjectSource = {
  /** Says what the pod `uid` uses from now on (in place of what was said before); watches follow. */
  use(uid: string, references: readonly ObjectReference[]): void;
  /** The pod is gone. */
  release(uid: string): void;
  /**
   * The object as the server has it, once its watch has caught up; undefined when there is none. What is not in use
   * is watched for this pod from now on.
   * @throws the watch's error while the server refuses or cannot be reached and the object was never seen
   */
  secret(uid: string, namespace: string, name: string, signal?: AbortSignal): Promise<Secret | undefined>;
  configMap(
    uid: string,
    namespace: string,
    name: string,
    signal?: AbortSignal,
  ): Promise<ConfigMap | undefined>;
  stop(): Promise<void>;
};

export type ObjectSourceOptions = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Pods that use an object which changed, appeared or vanished after it was first read. */
  readonly onChange: (uids: readonly string[], changed: ObjectReference) => void;
};

/** A caller waits so long for the first answer; then its own back-off decides. */
const firstAnswerMs = 10_000;
const checkMs = 50;

/**
 * The node authorizer lets a node list and watch a Secret or ConfigMap only by `metadata.name`, and only while one
 * of its pods uses it (plugin/pkg/auth/authorizer/node): so there is one watch for each object, counted by pods.
 */
export function startObjectSource(options: ObjectSourceOptions): ObjectSource {
  const ofSecrets = new Watches(secrets, 'Secret', options);
  const ofConfigMaps = new Watches(configMaps, 'ConfigMap', options);
  return {
    use(uid, references) {
      ofSecrets.use(uid, references);
      ofConfigMaps.use(uid, references);
    },
    release(uid) {
      ofSecrets.use(uid, []);
      ofConfigMaps.use(uid, []);
    },
    secret: (uid, namespace, name, signal) => ofSecrets.get(uid, namespace, name, signal),
    configMap: (uid, namespace, name, signal) => ofConfigMaps.get(uid, namespace, name, signal),
    async stop() {
      await Promise.all([ofSecrets.stop(), ofConfigMaps.stop()]);
    },
  };
}

type Watched<T> = {readonly reflector: Reflector<T>; readonly users: Set<string>; frozen?: T};

class Watches<T extends Secret | ConfigMap> {
  readonly #resource: Resource<T>;
  readonly #kind: ObjectReference['kind'];
  readonly #options: ObjectSourceOptions;
  readonly #watched = new Map<string, Watched<T>>();

  constructor(resource: Resource<T>, kind: ObjectReference['kind'], options: ObjectSourceOptions) {
    this.#resource = resource;
    this.#kind = kind;
    this.#options = options;
  }

  use(uid: string, references: readonly ObjectReference[]): void {
    const wanted = new Map(
      references.filter((r) => r.kind === this.#kind).map((r) => [`${r.namespace}/${r.name}`, r]),
    );
    for (const [key, {namespace, name}] of wanted) this.#watch(key, namespace, name).users.add(uid);
    for (const [key, watched] of this.#watched)
      if (!wanted.has(key) && watched.users.delete(uid) && watched.users.size === 0) this.#drop(key, watched);
  }

  async get(uid: string, namespace: string, name: string, signal?: AbortSignal): Promise<T | undefined> {
    const key = `${namespace}/${name}`;
    const watched = this.#watch(key, namespace, name);
    watched.users.add(uid);
    if (watched.frozen !== undefined) return watched.frozen;
    try {
      await this.#firstAnswer(key, watched.reflector, signal);
    } catch (error) {
      // The next caller asks anew at once instead of waiting for the back-off of this watch.
      if (signal?.aborted !== true && this.#watched.get(key) === watched) this.#drop(key, watched);
      throw error;
    }
    return watched.frozen ?? watched.reflector.store.get(key);
  }

  async stop(): Promise<void> {
    const all = [...this.#watched.values()];
    this.#watched.clear();
    await Promise.all(all.map(({reflector}) => reflector.stop()));
  }

  #watch(key: string, namespace: string, name: string): Watched<T> {
    const known = this.#watched.get(key);
    if (known !== undefined) return known;
    const users = new Set<string>();
    const reflector = startReflector<T>({
      ...this.#options,
      resource: this.#resource,
      query: {namespace, fieldSelector: `metadata.name=${name}`},
      onEvent: ({type, object}) => {
        if (type !== 'deleted' && object.immutable === true) this.#freeze(key, object);
        if (reflector.hasSynced()) this.#options.onChange([...users], {kind: this.#kind, namespace, name});
      },
      onSynced: () => {
        const object = reflector.store.get(key);
        if (object?.immutable === true) this.#freeze(key, object);
      },
    });
    const watched = {reflector, users};
    this.#watched.set(key, watched);
    return watched;
  }

  /** What is immutable needs no watch; deleting and creating it anew reaches only pods that start later. */
  #freeze(key: string, object: T): void {
    const watched = this.#watched.get(key);
    if (watched === undefined || watched.frozen !== undefined) return;
    watched.frozen = object;
    void watched.reflector.stop();
  }

  #drop(key: string, watched: Watched<T>): void {
    this.#watched.delete(key);
    void watched.reflector.stop();
  }

  /** Resolves with the first complete answer; a refusal is told at once, so that the pod's events say why. */
  async #firstAnswer(key: string, reflector: Reflector<T>, signal?: AbortSignal): Promise<void> {
    const {clock} = this.#options;
    const deadline = clock.monotonic() + firstAnswerMs;
    while (!reflector.hasSynced()) {
      signal?.throwIfAborted();
      const error = reflector.lastError();
      if (isForbidden(error) || (error !== undefined && clock.monotonic() > deadline)) throw error;
      if (clock.monotonic() > deadline)
        throw new NodectlError(
          'ND301',
          `no answer for ${this.#kind} ${key} within ${firstAnswerMs / 1000} s`,
        );
      const tick = new Promise<void>((resolve) => clock.after(checkMs, resolve));
      await Promise.race([reflector.synced, tick]);
    }
  }
}
