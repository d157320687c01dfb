import {type Cri, isCriNotFound} from '../../edges/cri/client.ts';
import type {Image} from '../../edges/cri/gen/api_pb.ts';
import type {PresentImage} from '../pod/seen.ts';
import type {Credential} from './credentials.ts';

export type Puller = {
  /** An image that the runtime has. */
  present(image: string): Promise<PresentImage | undefined>;
  /** Pulls and returns the image's id. Equal pulls at the same time are one. */
  pull(image: string, credentials: readonly Credential[], signal: AbortSignal): Promise<string>;
};

type Pull = {readonly done: Promise<string>; readonly controller: AbortController; users: number};

/** Talks to the runtime's image service; at most `parallel` pulls at the same time. */
export function createPuller(cri: Cri, parallel: number, timeoutMs: number): Puller {
  const running = new Map<string, Pull>();
  const gate = createGate(parallel);
  return {
    async present(image) {
      try {
        const {image: found} = await cri.images.imageStatus({image: {image}}, {timeoutMs});
        if (found === undefined || found.id === '') return undefined;
        return {ref: found.id, user: userOf(found)};
      } catch (error) {
        if (isCriNotFound(error)) return undefined;
        throw error;
      }
    },
    async pull(image, credentials, signal) {
      const key = JSON.stringify([image, credentials]);
      const pull = running.get(key) ?? begin();
      function begin(): Pull {
        const controller = new AbortController();
        const done = gate(() => pullWith(cri, image, credentials, controller.signal)).finally(() => {
          if (running.get(key)?.controller === controller) running.delete(key);
        });
        const started = {done, controller, users: 0};
        running.set(key, started);
        return started;
      }
      return shared(pull, signal, () => {
        if (running.get(key) === pull) running.delete(key);
      });
    },
  };
}

function userOf({uid, username}: Image): PresentImage['user'] {
  return {
    ...(uid === undefined ? {} : {uid: Number(uid.value)}),
    ...(username === '' ? {} : {username}),
  };
}

/** Waits for a pull with others; the last one that gives up ends it. */
async function shared(pull: Pull, signal: AbortSignal, onAbandoned: () => void): Promise<string> {
  pull.users++;
  const givenUp = Promise.withResolvers<never>();
  const giveUp = () => givenUp.reject(signal.reason);
  signal.addEventListener('abort', giveUp, {once: true});
  try {
    return await Promise.race([pull.done, givenUp.promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
    if (--pull.users === 0 && signal.aborted) {
      onAbandoned();
      pull.done.catch(() => undefined);
      pull.controller.abort(new Error('no pod waits for the image any more'));
    }
  }
}

/** Each credential in turn, as the kubelet does; without any, anonymously. */
async function pullWith(
  cri: Cri,
  image: string,
  credentials: readonly Credential[],
  signal: AbortSignal,
): Promise<string> {
  let failure: unknown;
  for (const auth of credentials.length === 0 ? [undefined] : credentials) {
    try {
      const {imageRef} = await cri.images.pullImage(
        {image: {image}, ...(auth ? {auth} : {})},
        {signal, timeoutMs: 0},
      );
      return imageRef;
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

function createGate(places: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = places;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
