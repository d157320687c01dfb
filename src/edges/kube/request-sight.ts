import {subscribe, unsubscribe} from 'node:diagnostics_channel';

export type SeenRequest = {
  readonly origin: string;
  readonly method: string;
  /** `<error>` when there was no answer, as client-go's metric says. */
  readonly code: string;
  readonly seconds: number;
};

type Told = {request: {origin?: unknown; method?: unknown}; response?: {statusCode?: unknown}};

/** Sees every request that goes out by undici, without standing in its way; ends with the returned function. */
export function watchRequests(onRequest: (seen: SeenRequest) => void): () => void {
  const begun = new WeakMap<object, number>();
  const create = (message: unknown) => {
    if (isTold(message)) begun.set(message.request, performance.now());
  };
  const done = (message: unknown) => {
    if (!isTold(message)) return;
    const {request, response} = message;
    const startMs = begun.get(request);
    if (startMs === undefined) return;
    begun.delete(request);
    onRequest({
      origin: String(request.origin),
      method: String(request.method),
      code: response === undefined ? '<error>' : String(response.statusCode),
      seconds: (performance.now() - startMs) / 1000,
    });
  };
  const channels = [
    ['undici:request:create', create],
    ['undici:request:headers', done],
    ['undici:request:error', done],
  ] as const;
  for (const [name, listener] of channels) subscribe(name, listener);
  return () => {
    for (const [name, listener] of channels) unsubscribe(name, listener);
  };
}

function isTold(message: unknown): message is Told {
  return typeof message === 'object' && message !== null && 'request' in message;
}
