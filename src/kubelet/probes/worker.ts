import type {Cri} from '../../edges/cri/client.ts';
import {goMessage} from '../../edges/cri/message.ts';
import {UnreadBody} from '../../edges/network/probes/probe-net.ts';
import type {Container} from '../../lib/kubernetes.ts';
import type {Cancel, Clock} from '../../lib/time.ts';
import type {ProbeResult} from '../pod/seen.ts';
import {type Attempt, probeOnce} from './probe.ts';

export type ProbeType = 'startup' | 'liveness' | 'readiness';
export type ProbeSpec = NonNullable<Container['livenessProbe']>;

export type ProbeWorkerOptions = {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly type: ProbeType;
  readonly spec: ProbeSpec;
  readonly container: Container;
  readonly containerId: string;
  /** Wall clock, as the runtime tells it. */
  readonly startedAtMs: number;
  /** Asked before each probe: on the host network it is the node's, and that may be given another one. */
  readonly podIp: () => string;
  /** What part of a period goes by before the first probe of what ran before this kubelet began. */
  readonly spread: number;
  readonly onResult: (result: ProbeResult) => void;
  /** After each try: undefined when the fault was on our side. */
  readonly onAttempt?: (outcome: Attempt['outcome'] | undefined, seconds: number) => void;
  readonly tell: (reason: string, message: string) => void;
};

/** Only what goes wrong on our own side is tried again at once. */
const maxTries = 3;

/** Probes one container in one way until it is stopped, or until its verdict needs no more. */
export class ProbeWorker {
  readonly #options: ProbeWorkerOptions;
  readonly #periodMs: number;
  #cancel: Cancel;
  #stopped = false;
  #last: 'success' | 'failure' | undefined;
  #run = 0;

  constructor(options: ProbeWorkerOptions) {
    this.#options = options;
    this.#periodMs = Math.max(1, options.spec.periodSeconds ?? 10) * 1000;
    const delayMs = (options.spec.initialDelaySeconds ?? 0) * 1000;
    const ageMs = options.clock.now() - options.startedAtMs;
    const leftMs = Math.min(delayMs, Math.max(0, delayMs - ageMs));
    const firstMs = Math.max(leftMs, options.spread * this.#periodMs);
    this.#cancel = options.clock.after(firstMs, () => void this.#tick());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #tick(): Promise<void> {
    const {clock} = this.#options;
    const startMs = clock.monotonic();
    const attempt = await this.#attempt();
    this.#options.onAttempt?.(attempt?.outcome, (clock.monotonic() - startMs) / 1000);
    if (this.#stopped) return;
    if (attempt !== undefined && this.#judge(attempt)) return this.stop();
    const nextMs = Math.max(0, startMs + this.#periodMs - clock.monotonic());
    this.#cancel = clock.after(nextMs, () => void this.#tick());
  }

  async #attempt(): Promise<Attempt | undefined> {
    for (let tries = 1; tries <= maxTries && !this.#stopped; tries++)
      try {
        return await probeOnce({...this.#options, podIp: this.#options.podIp()});
      } catch (error) {
        if (tries < maxTries || this.#stopped) continue;
        // Kubernetes calls an answer that could not be read a failure, and yet draws no conclusion from it.
        const state = error instanceof UnreadBody ? 'failure' : 'unknown';
        this.#options.tell(
          'Unhealthy',
          `${this.#name()} probe errored and resulted in ${state} state: ${goMessage(error)}`,
        );
      }
    return undefined;
  }

  /** True when the worker has nothing left to do: the container is to be killed, or has started. */
  #judge({outcome, message}: Attempt): boolean {
    const {type, spec, onResult, tell} = this.#options;
    if (outcome === 'failure') tell('Unhealthy', `${this.#name()} probe failed: ${message}`);
    if (outcome === 'warning') tell('ProbeWarning', `${this.#name()} probe warning: ${message}`);
    const result = outcome === 'failure' ? 'failure' : 'success';
    this.#run = this.#last === result ? this.#run + 1 : 1;
    this.#last = result;
    const threshold = result === 'failure' ? (spec.failureThreshold ?? 3) : (spec.successThreshold ?? 1);
    if (this.#run < threshold) return false;
    onResult(result);
    return type === 'startup' || (type === 'liveness' && result === 'failure');
  }

  #name(): string {
    const {type} = this.#options;
    return type.charAt(0).toUpperCase() + type.slice(1);
  }
}
