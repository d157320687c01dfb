import {type Cri, isCriNotFound} from '../../edges/cri/client.ts';
import type {Image} from '../../edges/cri/gen/api_pb.ts';
import {pullMessage} from '../../edges/cri/message.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Clock} from '../../lib/time.ts';
import type {PresentImage} from '../pod/seen.ts';
import type {Credential} from './credentials/credentials.ts';

export type FoundImage = PresentImage & {readonly bytes: number};
export type Pulled = {
  /** The image's id. */
  readonly ref: string;
  /** Which of the credentials opened the registry; undefined where none was given. */
  readonly used: number | undefined;
  /** Without the wait for a turn. */
  readonly tookMs: number;
};

/** The pod that an image is pulled for. */
export type PullingPod = {
  readonly metadata: {readonly name: string; readonly namespace: string; readonly uid: string};
  readonly annotations: Readonly<Record<string, string>>;
};

export function pullingPod({metadata: {name, namespace, uid, annotations = {}}}: Pod): PullingPod {
  return {metadata: {name, namespace, uid}, annotations};
}

export type Puller = {
  /** An image that the runtime has. */
  present(image: string): Promise<FoundImage | undefined>;
  /** Equal pulls at the same time are one. */
  pull(
    image: string,
    credentials: readonly Credential[],
    signal: AbortSignal,
    pod?: PullingPod,
  ): Promise<Pulled>;
};

type Pull = {readonly done: Promise<Pulled>; readonly controller: AbortController; users: number};

export type PullerOptions = {
  readonly cri: Cri;
  readonly clock: Clock;
  /** So many pulls at the same time. */
  readonly parallel: number;
  /** One that takes longer is not counted any more: registries that stall must not hold back all others for ever. */
  readonly patienceMs?: number;
  /** Resolves when the next pull may begin. */
  readonly turn: (signal: AbortSignal) => Promise<void>;
  readonly timeoutMs: number;
};

/** By this annotation of a pod containerd chooses the snapshotter that its images are unpacked with. */
const runtimeHandler = 'io.containerd.cri.runtime-handler';

/** Talks to the runtime's image service. */
export function createPuller(options: PullerOptions): Puller {
  const {cri, timeoutMs} = options;
  const running = new Map<string, Pull>();
  const gate = createGate(options);
  return {
    async present(image) {
      try {
        const {image: found} = await cri.images.imageStatus({image: {image}}, {timeoutMs});
        if (found === undefined || found.id === '') return undefined;
        return {ref: found.id, user: userOf(found), bytes: Number(found.size)};
      } catch (error) {
        if (isCriNotFound(error)) return undefined;
        throw error;
      }
    },
    async pull(image, credentials, signal, pod) {
      const key = JSON.stringify([image, credentials, pod?.annotations[runtimeHandler]]);
      const pull = running.get(key) ?? begin();
      function begin(): Pull {
        const controller = new AbortController();
        const done = gate(() => pullWith(options, {image, credentials, pod}, controller.signal)).finally(
          () => {
            if (running.get(key)?.controller === controller) running.delete(key);
          },
        );
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
async function shared(pull: Pull, signal: AbortSignal, onAbandoned: () => void): Promise<Pulled> {
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

type Wanted = {
  readonly image: string;
  readonly credentials: readonly Credential[];
  readonly pod: PullingPod | undefined;
};

/** Each credential in turn, as the kubelet does; without any, anonymously. */
async function pullWith(
  {cri, clock, turn}: PullerOptions,
  {image, credentials, pod}: Wanted,
  signal: AbortSignal,
): Promise<Pulled> {
  const tries = credentials.length === 0 ? [[undefined, undefined] as const] : [...credentials.entries()];
  const failures: unknown[] = [];
  const sandbox = pod === undefined ? {} : {sandboxConfig: {...pod, annotations: {...pod.annotations}}};
  for (const [used, credential] of tries) {
    await turn(signal);
    signal.throwIfAborted();
    const startMs = clock.monotonic();
    try {
      const {imageRef} = await cri.images.pullImage(
        {image: {image}, ...sandbox, ...(credential === undefined ? {} : {auth: authOf(credential)})},
        {signal, timeoutMs: 0},
      );
      return {ref: imageRef, used, tookMs: clock.monotonic() - startMs};
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  }
  throw failures.length === 1 ? failures[0] : new AggregateError(failures, oneMessage(failures));
}

function authOf({username, password}: Credential) {
  return {username, password};
}

/** As Kubernetes' aggregate errors: each different message once. */
function oneMessage(failures: readonly unknown[]): string {
  const messages = [...new Set(failures.map(pullMessage))];
  return messages.length === 1 ? messages.join() : `[${messages.join(', ')}]`;
}

function createGate({parallel, patienceMs, clock}: PullerOptions): <T>(work: () => Promise<T>) => Promise<T> {
  let free = parallel;
  const waiting: (() => void)[] = [];
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  };
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    let inside = true;
    const leaveOnce = () => {
      if (inside) leave();
      inside = false;
    };
    const cancel = patienceMs === undefined ? undefined : clock.after(patienceMs, leaveOnce);
    try {
      return await work();
    } finally {
      cancel?.();
      leaveOnce();
    }
  };
}
