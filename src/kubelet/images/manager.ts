import {criMessage} from '../../edges/cri/message.ts';
import {Backoff} from '../../lib/backoff.ts';
import type {Container, Pod} from '../../lib/kubernetes.ts';
import type {Clock} from '../../lib/time.ts';
import type {ImageSeen, PresentImage, StartFailure} from '../pod/seen.ts';
import {goDuration} from '../pod/waiting.ts';
import type {Credential} from './credentials.ts';
import type {Puller} from './puller.ts';
import {type ImageReference, parseImage} from './reference.ts';

export type Tell = (
  pod: Pod,
  container: string | undefined,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
) => void;

export type ImageManagerOptions = {
  readonly puller: Puller;
  readonly clock: Clock;
  readonly credentials: (pod: Pod, repository: string, signal: AbortSignal) => Promise<readonly Credential[]>;
  readonly tell: Tell;
  readonly onChange: (uid: string) => void;
};

/** As `ImageSeen`, with the instant of the next try instead of what is left until then. */
type State =
  | {readonly state: 'pulling'; readonly after?: StartFailure}
  | {readonly state: 'ready'; readonly image: PresentImage}
  | {readonly state: 'failed'; readonly failure: StartFailure; readonly retryAtMs: number};
type Request = {state: State; readonly controller: AbortController};

const firstBackoffMs = 10_000;
const maxBackoffMs = 300_000;
/** So long a failed pull is told as what it is, before it is told as a wait for the next try. */
const tellFailureMs = 1000;

/** Has the image of each container that is about to start, by its pull policy. */
export class ImageManager {
  readonly #options: ImageManagerOptions;
  readonly #backoff = new Backoff({firstMs: firstBackoffMs, maxMs: maxBackoffMs});
  readonly #requests = new Map<string, Map<string, Request>>();

  constructor(options: ImageManagerOptions) {
    this.#options = options;
  }

  seen(uid: string): ReadonlyMap<string, ImageSeen> {
    const states = new Map<string, ImageSeen>();
    for (const [name, {state}] of this.#requests.get(uid) ?? []) states.set(name, this.#aged(state));
    return states;
  }

  /** Begins to get the image; the end is told by `onChange`. */
  ensure(pod: Pod, container: Container): void {
    const {uid} = pod.metadata;
    const requests = this.#requests.get(uid) ?? new Map<string, Request>();
    this.#requests.set(uid, requests);
    const known = requests.get(container.name);
    if (known?.state.state === 'pulling' || known?.state.state === 'ready') return;
    const after = known?.state.state === 'failed' ? {after: known.state.failure} : {};
    const request: Request = {state: {state: 'pulling', ...after}, controller: new AbortController()};
    requests.set(container.name, request);
    void this.#work(pod, container, request);
  }

  /** A container was started with it: its next start asks anew. */
  consume(uid: string, container: string): void {
    this.#requests.get(uid)?.delete(container);
  }

  /** Nobody waits for the pod's images any more. */
  forget(uid: string): void {
    for (const {controller} of this.#requests.get(uid)?.values() ?? [])
      controller.abort(new Error('the pod has come to its end'));
    this.#requests.delete(uid);
    this.#backoff.sweep(this.#options.clock.monotonic());
  }

  #aged(state: State): ImageSeen {
    if (state.state !== 'failed') return state;
    const retryInMs = Math.max(0, state.retryAtMs - this.#options.clock.monotonic());
    return {state: 'failed', ...state.failure, retryInMs};
  }

  async #work(pod: Pod, container: Container, request: Request): Promise<void> {
    const {signal} = request.controller;
    try {
      request.state = await this.#get(pod, container, signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#failed(pod, container, request, error);
    }
    this.#options.onChange(pod.metadata.uid);
  }

  async #get(pod: Pod, container: Container, signal: AbortSignal): Promise<State> {
    const image = container.image ?? '';
    const reference = parseImage(image);
    if (reference === undefined) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
      throw new ImageError('InvalidImageName', message);
    }
    const policy = pullPolicy(container, reference);
    const present = policy === 'Always' ? undefined : await this.#options.puller.present(reference.name);
    if (present !== undefined) {
      const message = `Container image "${image}" already present on machine and can be accessed by the pod`;
      this.#options.tell(pod, container.name, 'Normal', 'Pulled', message);
      return {state: 'ready', image: present};
    }
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      throw new ImageError('ErrImageNeverPull', message);
    }
    return {state: 'ready', image: await this.#pull(pod, container, reference, signal)};
  }

  async #pull(
    pod: Pod,
    container: Container,
    reference: ImageReference,
    signal: AbortSignal,
  ): Promise<PresentImage> {
    const {clock, credentials, puller, tell} = this.#options;
    const image = container.image ?? '';
    const startMs = clock.monotonic();
    tell(pod, container.name, 'Normal', 'Pulling', `Pulling image "${image}"`);
    const logins = await credentials(pod, reference.repository, signal);
    const ref = await puller.pull(reference.name, logins, signal);
    this.#backoff.succeed(backoffKey(pod, image));
    const tookMs = Math.round(clock.monotonic() - startMs);
    const took = tookMs < 1000 ? `${tookMs}ms` : goDuration(tookMs);
    tell(pod, container.name, 'Normal', 'Pulled', `Successfully pulled image "${image}" in ${took}`);
    // The pull does not tell the image's user.
    return (await puller.present(ref)) ?? {ref, user: {}};
  }

  #failed(pod: Pod, container: Container, request: Request, error: unknown): void {
    const {clock, onChange, tell} = this.#options;
    const image = container.image ?? '';
    const failure = failureOf(error, image);
    const delayMs = this.#backoff.fail(backoffKey(pod, image), clock.monotonic());
    const retryAtMs = clock.monotonic() + delayMs;
    request.state = {state: 'failed', failure, retryAtMs};
    tell(pod, container.name, 'Warning', 'Failed', failure.message);
    tell(pod, container.name, 'Warning', 'Failed', `Error: ${failure.reason}`);
    if (failure.reason !== 'ErrImagePull') return;
    clock.after(tellFailureMs, () => {
      if (this.#requests.get(pod.metadata.uid)?.get(container.name) !== request) return;
      const message = `Back-off pulling image "${image}"`;
      const backOff = {reason: 'ImagePullBackOff', message: `${message}: ErrImagePull: ${failure.message}`};
      request.state = {state: 'failed', failure: backOff, retryAtMs};
      tell(pod, container.name, 'Normal', 'BackOff', message);
      onChange(pod.metadata.uid);
    });
  }
}

class ImageError extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

function failureOf(error: unknown, image: string): StartFailure {
  if (error instanceof ImageError) return {reason: error.reason, message: error.message};
  return {reason: 'ErrImagePull', message: `failed to pull image "${image}": ${criMessage(error)}`};
}

function backoffKey(pod: Pod, image: string): string {
  return `${pod.metadata.uid}/${image}`;
}

function pullPolicy({imagePullPolicy}: Container, {tag}: ImageReference): string {
  return imagePullPolicy ?? (tag === 'latest' ? 'Always' : 'IfNotPresent');
}
