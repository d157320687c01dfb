import {generateKeyPairSync} from 'node:crypto';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import type {KubeObject} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import type {Resource} from '../../../../src/lib/resources.ts';
import type {Cancel, Clock} from '../../../../src/lib/time.ts';
import type {Admit} from '../../../../src/sandbox/admission/types.ts';
import {inProcessClient} from '../../../../src/sandbox/api/http/in-process-client.ts';
import type {AnyAnswer, ApiRequest} from '../../../../src/sandbox/api/http/request.ts';
import {apiServerUser, type Core, createCore} from '../../../../src/sandbox/core.ts';
import {seed} from '../../../../src/sandbox/seed.ts';
import {Store} from '../../../../src/sandbox/store/store.ts';

/** A clock that moves only when it is told to. */
export class ManualClock implements Clock {
  #nowMs = Date.parse('2026-01-01T00:00:00Z');
  #timers = new Map<object, {atMs: number; fn: () => void}>();

  now = () => this.#nowMs;
  monotonic = () => this.#nowMs;

  after(ms: number, fn: () => void): Cancel {
    const key = {};
    this.#timers.set(key, {atMs: this.#nowMs + ms, fn});
    return () => this.#timers.delete(key);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const [key, {atMs, fn}] of [...this.#timers])
      if (atMs <= this.#nowMs) {
        this.#timers.delete(key);
        fn();
      }
  }
}

export type Api = {
  readonly core: Core;
  readonly store: Store;
  readonly clock: ManualClock;
  readonly client: KubeClient;
  /** A client with the rights of somebody else. */
  as(username: string, ...groups: string[]): KubeClient;
  /** A request as it would come from a socket. */
  ask(method: string, path: string, more?: Partial<ApiRequest>): Promise<AnyAnswer>;
};

const serviceAccountKey = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: {type: 'pkcs8', format: 'pem'},
  publicKeyEncoding: {type: 'spki', format: 'pem'},
}).privateKey;

/** The whole pipeline over a store in memory, with the namespaces and roles of every cluster. */
export async function startApi(admit?: Admit): Promise<Api> {
  const store = new Store(':memory:');
  const clock = new ManualClock();
  const version = 'v1.36.0';
  const clusterDomain = 'cluster.local';
  const core = createCore({store, clock, log: silent, clusterDomain, version, serviceAccountKey, admit});
  const client = inProcessClient(core.handler, apiServerUser, 'test');
  await seed(client);
  return {
    core,
    store,
    clock,
    client,
    as: (username, ...groups) =>
      inProcessClient(core.handler, {username, groups: [...groups, 'system:authenticated']}, 'test'),
    ask: (method, path, more = {}) => {
      const url = new URL(path, 'https://server');
      return core.handler({
        method,
        path: url.pathname,
        query: url.searchParams,
        accept: 'application/json',
        contentType: 'application/json',
        userAgent: 'test',
        body: undefined,
        user: apiServerUser,
        ...more,
      });
    },
  };
}

/** The JSON of a plain answer, and its code. */
export async function decoded(answer: Promise<AnyAnswer>) {
  const found = await answer;
  if (!('code' in found)) throw new Error('not a plain answer');
  return {code: found.code, headers: found.headers, body: JSON.parse(found.body.toString())};
}

export type Event = {type: string; object: KubeObject & Record<string, unknown>};

/** Collects the events of a watch until it is stopped. */
export function collect<T extends KubeObject>(client: KubeClient, resource: Resource<T>, query: object) {
  const abort = new AbortController();
  const events: Event[] = [];
  const done = (async () => {
    for await (const event of client.watch(resource, query, abort.signal))
      events.push(JSON.parse(JSON.stringify(event)));
  })();
  return {
    events,
    stop: async () => {
      abort.abort();
      await done;
    },
  };
}

export const configMap = (name: string, more: object = {}) => ({
  metadata: {name, namespace: 'default'},
  ...more,
});

export const pod = (name: string, spec: object = {}, metadata: object = {}) => ({
  metadata: {name, namespace: 'default', ...metadata},
  spec: {containers: [{name: 'c', image: 'i'}], ...spec},
});
