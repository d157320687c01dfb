import type {
  CallOptions,
  DeleteOptions,
  KubeClient,
  List,
  ListQuery,
  ObjectKey,
  Patch,
  WatchEvent,
  WatchQuery,
} from '../../../edges/kube/client.ts';
import {ApiError} from '../../../edges/kube/errors.ts';
import type {Draft, KubeObject, Status} from '../../../lib/kubernetes.ts';
import {apiPath, type Resource} from '../../../lib/resources.ts';
import type {User} from '../../contract.ts';
import type {Handler} from './handler.ts';
import type {Answer, ApiRequest, WatchAnswer} from './request.ts';

const patchTypes = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** The API for what runs inside the sandbox: the handlers of every other request, without sockets. */
export function inProcessClient(handler: Handler, user: User, userAgent: string): KubeClient {
  const ask = (method: string, path: string, query: object = {}, body?: unknown, contentType?: string) =>
    handler({
      ...request(method, path, query, userAgent),
      body,
      user,
      contentType: contentType ?? 'application/json',
    });

  const call = async <T>(
    method: string,
    path: string,
    {query, body, contentType}: {query?: object; body?: unknown; contentType?: string} = {},
    options?: CallOptions,
  ): Promise<T> => {
    options?.signal?.throwIfAborted();
    const answer = await ask(method, path, query, body, contentType);
    if (!('code' in answer)) throw new ApiError(400, `${path} is a stream`);
    return decoded(answer);
  };

  return {
    get: (resource, key, options) => call('GET', pathOf(resource, key), {}, options),
    list: <T extends KubeObject>(resource: Resource<T>, query: ListQuery = {}, options?: CallOptions) =>
      listed<T>(
        call('GET', apiPath(resource, query.namespace), {query: {...query, namespace: undefined}}, options),
      ),
    create: <T extends KubeObject>(
      resource: Resource<T>,
      object: Draft<T> | object,
      key: Partial<ObjectKey> = {},
      options?: CallOptions,
    ) =>
      call<T>(
        'POST',
        apiPath(resource, key.namespace ?? namespaceIn(object), key.name, key.subresource),
        {body: object},
        options,
      ),
    update: (resource, object, subresource, options) =>
      call('PUT', pathOf(resource, {...object.metadata, subresource}), {body: object}, options),
    patch: (resource, key, patch: Patch, options) =>
      call(
        'PATCH',
        pathOf(resource, key),
        {
          body: patch.body,
          contentType: patchTypes[patch.type],
          query: patch.type === 'apply' ? {fieldManager: patch.fieldManager, force: patch.force} : {},
        },
        options,
      ),
    delete: (resource, key, how: DeleteOptions = {}, options) =>
      call('DELETE', pathOf(resource, key), {body: how}, options),
    watch: <T extends KubeObject>(resource: Resource<T>, query: WatchQuery, signal: AbortSignal) =>
      watched<T>(
        () => ask('GET', apiPath(resource, query.namespace), {...query, namespace: undefined, watch: true}),
        signal,
      ),
    request: (method, path, body, options) => call(method, path, {body}, options),
  };
}

function request(
  method: string,
  path: string,
  query: object,
  userAgent: string,
): Omit<ApiRequest, 'user' | 'body' | 'contentType'> {
  const [bare = '', inline = ''] = path.split('?');
  const parameters = new URLSearchParams(inline);
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) parameters.set(key, String(value));
  return {method, path: bare, query: parameters, accept: 'application/json', userAgent};
}

function pathOf(resource: Resource, key: ObjectKey): string {
  return apiPath(resource, key.namespace, key.name, key.subresource);
}

function namespaceIn(object: object): string | undefined {
  const metadata = 'metadata' in object ? object.metadata : undefined;
  if (typeof metadata !== 'object' || metadata === null || !('namespace' in metadata)) return undefined;
  return typeof metadata.namespace === 'string' ? metadata.namespace : undefined;
}

/** Answers are decoded from text, so that what a caller holds is never the store's own object. */
function decoded<T>(answer: Answer): T {
  const text = answer.body.toString();
  if (answer.code >= 400) {
    const status: Status = JSON.parse(text);
    throw new ApiError(answer.code, status.message ?? text, {reason: status.reason, status});
  }
  const value: T = answer.contentType.startsWith('application/json') ? JSON.parse(text) : text;
  return value;
}

type Listed<T> = {
  items: T[];
  metadata: {resourceVersion: string; continue?: string; remainingItemCount?: number};
};

async function listed<T>(answer: Promise<Listed<T>>): Promise<List<T>> {
  const {items, metadata} = await answer;
  return {items, ...metadata};
}

async function* watched<T>(
  ask: () => ReturnType<Handler>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const answer = await ask();
  if ('code' in answer) decoded(answer);
  if (!('start' in answer)) return;
  yield* events<T>(answer, signal);
}

async function* events<T>(
  answer: WatchAnswer,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  let queue: Buffer[] = [];
  let ended = signal.aborted;
  let wake: () => void = () => undefined;
  const finish = () => {
    ended = true;
    wake();
  };
  signal.addEventListener('abort', finish, {once: true});
  const stop = answer.start({
    send: (bytes) => {
      queue.push(bytes);
      wake();
    },
    end: finish,
  });
  try {
    while (!ended || (queue.length > 0 && !signal.aborted)) {
      const batch = queue;
      queue = [];
      for (const bytes of batch) {
        const event: WatchEvent<T> = JSON.parse(bytes.toString());
        yield event;
        if (signal.aborted) return;
      }
      if (queue.length === 0 && !ended)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    stop();
    signal.removeEventListener('abort', finish);
  }
}
