import {formatDuration} from '../../config/machine/units.ts';
import {goMessage} from '../../edges/cri/message.ts';
import {Backoff} from '../../lib/control/backoff.ts';
import type {Container, Pod} from '../../lib/kubernetes.ts';
import type {Clock} from '../../lib/time.ts';
import type {ImageSeen, PresentImage, StartFailure} from '../pod/seen.ts';
import type {ImageMetrics} from '../stats/metrics/pods/image-metrics.ts';
import type {Login} from './credentials/credentials.ts';
import {failureOf, ImageError, isPullFailure} from './failure.ts';
import {type FoundImage, type Pulled, type Puller, pullingPod} from './puller.ts';
import type {PullRecords} from './records/pull-records.ts';
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
  readonly records: PullRecords;
  readonly clock: Clock;
  readonly logins: (pod: Pod, repository: string, signal: AbortSignal) => Promise<readonly Login[]>;
  /** The pod has come to its end. */
  readonly forgetLogins: (uid: string) => void;
  readonly tell: Tell;
  readonly onChange: (uid: string) => void;
  readonly metrics?: Pick<ImageMetrics, 'asked' | 'pulled'>;
};

/** `retryAtMs`: the next pull. `lookAtMs`: before that it may have come here in another way. */
type Failed = {
  readonly state: 'failed';
  readonly failure: StartFailure;
  readonly retryAtMs: number;
  readonly lookAtMs: number;
};
/** As `ImageSeen`, with the instant of the next try instead of what is left until then. */
type State =
  | {readonly state: 'pulling'; readonly after?: StartFailure}
  | {readonly state: 'ready'; readonly image: PresentImage}
  | Failed;
type Request = {
  state: State;
  readonly asked: string;
  readonly controller: AbortController;
  /** How the last try ended. */
  readonly last: Failed | undefined;
};

/** Filled in as it is found out. */
type Asked = {readonly policy: string; present: boolean | undefined; pull: boolean | undefined};

const firstBackoffMs = 10_000;
const maxBackoffMs = 300_000;
/** So long a failed pull is told as what it is, before it is told as a wait for the next try. */
const tellFailureMs = 1000;
/** While a pull waits, the image may be brought by another pod or by hand: Kubernetes looks that often. */
const lookMs = 10_000;

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
    for (const [name, {state, asked}] of this.#requests.get(uid) ?? [])
      states.set(name, {...this.#aged(state), asked});
    return states;
  }

  /** Begins to get the image; the end is told by `onChange`. */
  ensure(pod: Pod, container: Container): void {
    const {uid} = pod.metadata;
    const requests = this.#requests.get(uid) ?? new Map<string, Request>();
    this.#requests.set(uid, requests);
    const asked = container.image ?? '';
    const before = requests.get(container.name);
    // The container was given another image while this one was got.
    if (before !== undefined && before.asked !== asked)
      before.controller.abort(new Error('not asked for any more'));
    const known = before?.asked === asked ? before : undefined;
    if (known?.state.state === 'pulling' || known?.state.state === 'ready') return;
    const last = known?.state.state === 'failed' ? known.state : undefined;
    const request: Request = {
      state: {state: 'pulling', ...(last === undefined ? {} : {after: last.failure})},
      asked,
      controller: new AbortController(),
      last,
    };
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
    this.#options.forgetLogins(uid);
    this.#backoff.sweep(this.#options.clock.monotonic());
  }

  #aged(state: State): ImageSeen {
    if (state.state !== 'failed') return state;
    const retryInMs = Math.max(0, state.lookAtMs - this.#options.clock.monotonic());
    return {state: 'failed', ...state.failure, retryInMs};
  }

  async #work(pod: Pod, container: Container, request: Request): Promise<void> {
    const {signal} = request.controller;
    try {
      request.state = await this.#get(pod, container, request);
    } catch (error) {
      if (signal.aborted) return;
      this.#failed(pod, container, request, error);
    }
    this.#options.onChange(pod.metadata.uid);
  }

  async #get(pod: Pod, container: Container, request: Request): Promise<State> {
    const asked = {
      policy: pullPolicy(container, parseImage(container.image ?? '')),
      present: undefined,
      pull: undefined,
    };
    try {
      return await this.#found(pod, container, request, asked);
    } finally {
      this.#options.metrics?.asked(asked);
    }
  }

  async #found(pod: Pod, container: Container, {last, controller}: Request, counted: Asked): Promise<State> {
    const {signal} = controller;
    const image = container.image ?? '';
    const reference = parseImage(image);
    if (reference === undefined) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
      throw new ImageError('InvalidImageName', message);
    }
    const {records, logins, tell} = this.#options;
    const {policy} = counted;
    const asked = {image, plain: reference.plain};
    const podLogins = once(() => logins(pod, reference.repository, signal));
    const present = policy === 'Always' ? undefined : await this.#inspect(image, reference);
    if (policy !== 'Always') counted.present = present !== undefined;
    if (present !== undefined && (await records.mayUse(asked, present.ref, podLogins))) {
      const message = `Container image "${image}" already present on machine and can be accessed by the pod`;
      tell(pod, container.name, 'Normal', 'Pulled', message);
      counted.pull = false;
      return {state: 'ready', image: present};
    }
    if (policy !== 'Never' || present !== undefined) counted.pull = true;
    // An image that is there, and that the pod may not have, must look as if it were not.
    if (policy === 'Never')
      throw new ImageError(
        'ErrImageNeverPull',
        `Container image "${image}" is not present with pull policy of Never`,
      );
    const nowMs = this.#options.clock.monotonic();
    if (last !== undefined && last.retryAtMs > nowMs)
      return {...last, lookAtMs: Math.min(last.retryAtMs, nowMs + lookMs)};
    return {state: 'ready', image: await this.#pull(pod, container, reference, await podLogins(), signal)};
  }

  async #inspect(image: string, reference: ImageReference): Promise<FoundImage | undefined> {
    try {
      return await this.#options.puller.present(reference.name);
    } catch (error) {
      throw new ImageError('ImageInspectError', `Failed to inspect image "${image}": ${goMessage(error)}`);
    }
  }

  async #pull(
    pod: Pod,
    container: Container,
    reference: ImageReference,
    logins: readonly Login[],
    signal: AbortSignal,
  ): Promise<PresentImage> {
    const {clock, puller, records, tell} = this.#options;
    const image = container.image ?? '';
    const asked = {image, plain: reference.plain};
    const startMs = clock.monotonic();
    tell(pod, container.name, 'Normal', 'Pulling', `Pulling image "${image}"`);
    await records.begin(asked);
    let pulled: Pulled;
    try {
      const credentials = logins.map(({credential}) => credential);
      pulled = await puller.pull(reference.name, credentials, signal, pullingPod(pod));
    } catch (error) {
      await records.failed(asked);
      throw error;
    }
    await records.succeeded(asked, pulled.ref, pulled.used === undefined ? undefined : logins[pulled.used]);
    this.#backoff.succeed(backoffKey(pod, image));
    // The pull tells neither the image's user nor its size.
    const found = await puller.present(pulled.ref);
    const waitedMs = clock.monotonic() - startMs;
    tell(pod, container.name, 'Normal', 'Pulled', success(image, pulled, waitedMs, found));
    this.#options.metrics?.pulled(waitedMs / 1000, found?.bytes ?? 0);
    return found ?? {ref: pulled.ref, user: {}};
  }

  #failed(pod: Pod, container: Container, request: Request, error: unknown): void {
    const {clock, onChange, tell} = this.#options;
    const image = container.image ?? '';
    const {event, ...failure} = failureOf(error, image);
    const isPull = isPullFailure(failure.reason);
    // What nobody was asked for costs nothing to look at again.
    const delayMs = isPull ? this.#backoff.fail(backoffKey(pod, image), clock.monotonic()) : firstBackoffMs;
    const nowMs = clock.monotonic();
    const retryAtMs = nowMs + delayMs;
    const lookAtMs =
      nowMs + (pullPolicy(container, parseImage(image)) === 'Always' ? delayMs : Math.min(delayMs, lookMs));
    request.state = {state: 'failed', failure, retryAtMs, lookAtMs};
    tell(pod, container.name, 'Warning', event.reason, event.message);
    tell(pod, container.name, 'Warning', 'Failed', `Error: ${failure.reason}`);
    if (!isPull) return;
    clock.after(tellFailureMs, () => {
      if (this.#requests.get(pod.metadata.uid)?.get(container.name) !== request) return;
      const message = `Back-off pulling image "${image}"`;
      const told = `${message}: ${failure.reason}: ${failure.message}`;
      const waiting = {reason: 'ImagePullBackOff', message: told};
      request.state = {state: 'failed', failure: waiting, retryAtMs, lookAtMs};
      tell(pod, container.name, 'Normal', 'BackOff', message);
      tell(pod, container.name, 'Warning', 'Failed', 'Error: ImagePullBackOff');
      onChange(pod.metadata.uid);
    });
  }
}

function success(image: string, {tookMs}: Pulled, waitedMs: number, found: FoundImage | undefined): string {
  const [took, waited] = [tookMs, waitedMs].map((ms) => formatDuration(Math.round(ms)));
  return `Successfully pulled image "${image}" in ${took} (${waited} including waiting). Image size: ${found?.bytes ?? 0} bytes.`;
}

/** Asked at most once, and only when it is needed. */
function once<T>(get: () => Promise<T>): () => Promise<T> {
  let got: Promise<T> | undefined;
  return () => {
    got ??= get();
    return got;
  };
}

function backoffKey(pod: Pod, image: string): string {
  return `${pod.metadata.uid}/${image}`;
}

function pullPolicy({imagePullPolicy}: Container, reference: ImageReference | undefined): string {
  return imagePullPolicy ?? (reference?.tag === 'latest' ? 'Always' : 'IfNotPresent');
}
