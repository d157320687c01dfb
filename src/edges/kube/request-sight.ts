import {channel, subscribe, unsubscribe} from 'node:diagnostics_channel';
import {monotonicMs} from '../clock.ts';

/** One request to an API server and its answer; each try of a call is one. */
export type SeenRequest = {
  /** Name and port of the API server. */
  readonly host: string;
  readonly method: string;
  /** `<error>` when there was no answer, as client-go's metric says. */
  readonly code: string;
  readonly seconds: number;
};

const name = 'nodectl:kube:request';
const requests = channel(name);

type Answered = {readonly statusCode: number};

/** Sends a request and tells of it; what else this process asks by HTTP (probes, images) is not seen here. */
export async function seen<T extends Answered>(
  origin: string,
  method: string,
  send: () => Promise<T>,
): Promise<T> {
  const startMs = monotonicMs();
  const tell = (code: string) => {
    const seconds = (monotonicMs() - startMs) / 1000;
    requests.publish({host: URL.parse(origin)?.host ?? '', method, code, seconds} satisfies SeenRequest);
  };
  try {
    const answer = await send();
    tell(String(answer.statusCode));
    return answer;
  } catch (error) {
    tell('<error>');
    throw error;
  }
}

/** Sees every request to an API server, without standing in its way; ends with the returned function. */
export function watchRequests(onRequest: (request: SeenRequest) => void): () => void {
  const listener = (message: unknown) => {
    if (isSeen(message)) onRequest(message);
  };
  subscribe(name, listener);
  return () => unsubscribe(name, listener);
}

function isSeen(message: unknown): message is SeenRequest {
  return typeof message === 'object' && message !== null && 'host' in message && 'seconds' in message;
}
