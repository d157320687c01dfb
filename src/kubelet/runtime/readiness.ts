import type {Cri} from '../../edges/cri/client.ts';
import {criMessage} from '../../edges/cri/message.ts';
import type {Cancel, Clock} from '../../lib/time.ts';
import type {RuntimeReadiness} from '../agent/agent-api.ts';

/** Kubernetes' bounds: a runtime silent for 30 s, and pods not looked at for 3 min, make the node NotReady. */
const silentMs = 30_000;
const notListedMs = 180_000;
const statusTimeoutMs = 10_000;
/** Kubernetes asks the runtime for its conditions that often. */
const everyMs = 5_000;
const startingMs = 500;

/** What is known of the runtime's health: its own conditions, and when it last answered. */
export class RuntimeHealth {
  readonly #cri: Cri;
  readonly #clock: Clock;
  #answeredMs: number | undefined;
  #listedMs: number | undefined;
  #isAway = false;
  #problem = 'container runtime status check may not have completed yet';
  #networkProblem: string | undefined = 'network state unknown';
  #recursiveReadOnly: ReadonlySet<string> = new Set();
  #userNamespaces: ReadonlySet<string> = new Set();
  #cancel: Cancel = () => undefined;
  #stopped = false;

  constructor(cri: Cri, clock: Clock) {
    this.#cri = cri;
    this.#clock = clock;
  }

  /** Asks again and again; tells when the network has become ready. */
  start(onNetworkReady: () => void): void {
    void this.#round(onNetworkReady);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #round(onNetworkReady: () => void): Promise<void> {
    if (await this.#check()) onNetworkReady();
    if (this.#stopped) return;
    const ms = this.#networkProblem === undefined ? everyMs : startingMs;
    this.#cancel = this.#clock.after(ms, () => void this.#round(onNetworkReady));
  }

  /** Why no pod can have a network; undefined: it can. */
  get networkProblem(): string | undefined {
    return this.#networkProblem;
  }

  /** Whether a handler of the runtime ('' is its default) can make whole trees of mounts read-only. */
  recursiveReadOnly(handler: string | undefined): boolean {
    return this.#recursiveReadOnly.has(handler ?? '');
  }

  /** Whether a handler can give pods users of their own. */
  userNamespaces(handler: string): boolean {
    return this.#userNamespaces.has(handler);
  }

  /** Asks the runtime for its conditions; true when the network has become ready. */
  async #check(): Promise<boolean> {
    try {
      const {status, runtimeHandlers} = await this.#cri.runtime.status({}, {timeoutMs: statusTimeoutMs});
      const able = (feature: 'recursiveReadOnlyMounts' | 'userNamespaces') =>
        new Set(runtimeHandlers.filter(({features}) => features?.[feature]).map(({name}) => name));
      this.#recursiveReadOnly = able('recursiveReadOnlyMounts');
      this.#userNamespaces = able('userNamespaces');
      const conditions = status?.conditions ?? [];
      const bad = conditions.find(({type, status: ok}) => type === 'RuntimeReady' && !ok);
      const network = conditions.find(({type}) => type === 'NetworkReady');
      const wasReady = this.#networkProblem === undefined;
      this.#networkProblem = networkWord(network);
      this.#problem =
        bad !== undefined
          ? `container runtime not ready: ${conditionWord(bad)}`
          : (this.#networkProblem ?? '');
      if (bad === undefined) this.#answeredMs = this.#clock.monotonic();
      return !wasReady && this.#networkProblem === undefined;
    } catch (error) {
      this.#problem = `container runtime status check failed: ${criMessage(error)}`;
      return false;
    }
  }

  /** What runs was read; true when it could not be before: what has failed for that may be tried at once. */
  listed(): boolean {
    const isBack = this.#isAway;
    this.#isAway = false;
    this.#listedMs = this.#clock.monotonic();
    return isBack;
  }

  notListed(): void {
    this.#isAway = true;
  }

  readiness(): RuntimeReadiness {
    const nowMs = this.#clock.monotonic();
    const answered = this.#answeredMs !== undefined && nowMs - this.#answeredMs < silentMs;
    const listed = this.#listedMs !== undefined && nowMs - this.#listedMs < notListedMs;
    const networkReady = this.#networkProblem === undefined;
    const ok = answered && listed && networkReady;
    const reason = ok ? '' : this.#problem || 'PLEG is not healthy: pods have not been looked at lately';
    const seen = this.#answeredMs !== undefined && this.#listedMs !== undefined;
    return {ok, seen, reason, networkReady};
  }
}

type Condition = {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
};

function networkWord(network: Condition | undefined): string | undefined {
  if (network?.status) return undefined;
  return `container runtime network not ready: ${conditionWord(network ?? noNetwork)}`;
}

const noNetwork = {type: 'NetworkReady', status: false, reason: '', message: ''};

/** As Go prints a RuntimeCondition. */
function conditionWord({type, status, reason, message}: Condition): string {
  return `${type}=${status} reason:${reason} message:${message}`;
}
