import type {KubeletConfig} from '../../config/kubelet.ts';
import {readText, writeAtomic} from '../../edges/files/files.ts';
import type {InhibitLock, Logind, ShutdownWatch} from '../../edges/systemd/logind.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Cancel, Clock} from '../../lib/time.ts';
import type {ActivePod, Rejection} from '../admission/types.ts';
import type {Verdict} from '../pod/seen.ts';
import type {NodeMetrics} from '../stats/metrics/node-metrics.ts';
import {groupByPriority, type ShutdownGroup, type ShutdownPeriod, shutdownPeriods} from './groups.ts';

export type ShutdownOptions = {
  readonly config: KubeletConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly logind: Logind;
  readonly active: () => readonly ActivePod[];
  readonly end: (uid: string, verdict: Verdict) => void;
  readonly isCleanedUp: (uid: string) => boolean;
  readonly tellNode: (message: string) => void;
  /** The Node's status is to say at once that it shuts down, or that it does not. */
  readonly onChange: () => void;
  readonly telemetry?: {readonly node: Pick<NodeMetrics, 'shutdown'>};
};

export type Shutdown = {
  /** A reason why the node is not Ready. */
  problem(): string | undefined;
  refuse(): Rejection | undefined;
  stop(): Promise<void>;
};

/** Go's: stands for an end that has not come. */
const zeroTime = '0001-01-01T00:00:00Z';
const againMs = 1_000;
const failedMs = 10_000;
const pollMs = 100;
const message = 'Pod was terminated in response to imminent node shutdown.';
const verdict: Verdict = {
  reason: 'Terminated',
  message,
  disruption: 'TerminationByKubelet',
};
const refusal: Rejection = {
  reason: 'NodeShutdown',
  message: 'Pod was rejected as the node is shutting down.',
};

/** Holds the machine's shutdown back until pods have ended, in the order of their priorities. */
export function startShutdown(options: ShutdownOptions): Shutdown {
  const periods = shutdownPeriods(options.config);
  if (periods.length === 0)
    return {problem: () => undefined, refuse: () => undefined, stop: async () => undefined};
  return new Delayer(options, periods);
}

type Entry = ActivePod & {readonly priority: number};

class Delayer implements Shutdown {
  readonly #options: ShutdownOptions;
  readonly #periods: readonly ShutdownPeriod[];
  readonly #running: Promise<void>;
  #lock: InhibitLock | undefined;
  #watch: ShutdownWatch | undefined;
  #work: Promise<void> = Promise.resolve();
  #isShuttingDown = false;
  #stopped = false;
  #wake: Cancel = () => undefined;

  constructor(options: ShutdownOptions, periods: readonly ShutdownPeriod[]) {
    this.#options = options;
    this.#periods = periods;
    this.#running = this.#recall().then(() => this.#run());
  }

  problem(): string | undefined {
    return this.#isShuttingDown ? 'node is shutting down' : undefined;
  }

  refuse(): Rejection | undefined {
    return this.#isShuttingDown ? refusal : undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watch?.stop();
    this.#wake();
    await this.#running;
    await this.#work;
    await this.#release();
  }

  /** logind may restart: a watch that ends begins anew. */
  async #run(): Promise<void> {
    const {log} = this.#options;
    let told = '';
    while (!this.#stopped) {
      try {
        await this.#follow();
        told = '';
      } catch (error) {
        const words = describeError(error);
        // A machine without logind is told of once.
        if (words !== told) log.warn('shutdowns of this machine cannot be held back', {error: words});
        told = words;
      }
      if (!this.#stopped) await this.#pause(told === '' ? againMs : failedMs);
    }
  }

  async #follow(): Promise<void> {
    const {logind, log} = this.#options;
    const neededMs = this.#periods.reduce((sum, {seconds}) => sum + seconds * 1000, 0);
    if ((await logind.inhibitDelayMs()) < neededMs) await logind.raiseInhibitDelay(neededMs);
    // First the watch: a shutdown that begins between the two must not be missed.
    const watch = logind.watch((begins) => {
      this.#work = this.#work.then(() => this.#told(begins));
    });
    this.#watch = watch;
    try {
      if (this.#stopped) return;
      await this.#acquire();
      log.info('shutdowns of this machine wait for pods', {seconds: neededMs / 1000});
      await watch.ended;
    } finally {
      watch.stop();
    }
  }

  async #acquire(): Promise<void> {
    const lock = await this.#options.logind.inhibit();
    await this.#release();
    this.#lock = lock;
  }

  async #release(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.release();
  }

  async #told(begins: boolean): Promise<void> {
    const {log, tellNode, onChange} = this.#options;
    tellNode(`Shutdown manager detected shutdown ${begins ? 'event' : 'cancellation'}`);
    log.info(begins ? 'the machine shuts down' : 'the shutdown was cancelled');
    this.#isShuttingDown = begins;
    onChange();
    try {
      if (begins) await this.#endPods();
      else await this.#acquire();
    } catch (error) {
      log.warn('the shutdown was not handled', {error: describeError(error)});
    }
  }

  async #endPods(): Promise<void> {
    const {clock, active} = this.#options;
    const startTime = clock.now();
    await this.#remember({startTime});
    const pods = active().map((entry): Entry => ({...entry, priority: entry.pod.spec.priority ?? 0}));
    for (const group of groupByPriority(this.#periods, pods)) await this.#endGroup(group);
    await this.#remember({startTime, endTime: clock.now()});
    await this.#release();
  }

  /** The next group waits for this one's volumes too: who provides them ends last. */
  async #endGroup({pods, seconds}: ShutdownGroup<Entry>): Promise<void> {
    const {clock, end, isCleanedUp} = this.#options;
    for (const {pod} of pods)
      end(pod.metadata.uid, {
        ...verdict,
        graceSeconds: Math.min(seconds, pod.spec.terminationGracePeriodSeconds ?? seconds),
      });
    const endMs = clock.monotonic() + seconds * 1000;
    while (
      !this.#stopped &&
      clock.monotonic() < endMs &&
      !pods.every(({pod}) => isCleanedUp(pod.metadata.uid))
    )
      await this.#pause(pollMs);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  get #statePath(): string {
    return `${this.#options.config.rootDir}/graceful_node_shutdown_state`;
  }

  /** The machine's last shutdown is told after its start. */
  async #recall(): Promise<void> {
    const {log, telemetry} = this.#options;
    try {
      const state = readState((await readText(this.#statePath)) ?? '');
      if (state !== undefined) telemetry?.node.shutdown(state.startTime, state.endTime);
    } catch (error) {
      log.warn('the state of the last shutdown could not be read', {error: describeError(error)});
    }
  }

  async #remember({startTime, endTime}: {startTime: number; endTime?: number}): Promise<void> {
    const {log, telemetry} = this.#options;
    telemetry?.node.shutdown(startTime, endTime);
    const state = {
      startTime: new Date(startTime).toISOString(),
      endTime: endTime === undefined ? zeroTime : new Date(endTime).toISOString(),
    };
    await writeAtomic(this.#statePath, JSON.stringify(state), 0o644).catch((error: unknown) =>
      log.warn('the state of the shutdown could not be kept', {error: describeError(error)}),
    );
  }
}

type ShutdownState = {readonly startTime: number; readonly endTime?: number};

function readState(text: string): ShutdownState | undefined {
  if (text === '') return undefined;
  const {startTime, endTime}: Record<string, unknown> = JSON.parse(text);
  const startMs = Date.parse(String(startTime));
  if (Number.isNaN(startMs)) return undefined;
  const endMs = endTime === zeroTime ? Number.NaN : Date.parse(String(endTime));
  return Number.isNaN(endMs) ? {startTime: startMs} : {startTime: startMs, endTime: endMs};
}
