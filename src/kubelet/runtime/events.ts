import {type Cri, isCriUnimplemented} from '../../edges/cri/client.ts';
import type {ContainerEventResponse} from '../../edges/cri/gen/api_pb.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {podLabels} from '../pod/sandbox-config.ts';

export type RuntimeEventsOptions = {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: (uid: string) => void;
  /** Looks at everything; throws while the runtime does not answer. */
  readonly relist: () => Promise<void>;
  readonly onRelisted: (error: unknown) => void;
};

export type RuntimeEvents = {readonly firstList: Promise<void>; stop(): Promise<void>};

/** Without events the list is all there is (Kubernetes' own period); behind them it only finds what was missed. */
const withoutEventsMs = 1000;
const behindEventsMs = 40_000;
const reconnectMs = 1000;

/** Tells which pods changed in the runtime: by its event stream where it has one, and by lists. */
export function startRuntimeEvents(options: RuntimeEventsOptions): RuntimeEvents {
  const controller = new AbortController();
  const first = Promise.withResolvers<void>();
  const state = {streaming: false};
  const listing = listLoop(options, controller.signal, state, first.resolve);
  const streaming = streamLoop(options, controller.signal, state);
  return {
    firstList: first.promise,
    async stop() {
      controller.abort(new Error('stopping'));
      await Promise.all([listing, streaming]);
    },
  };
}

async function listLoop(
  options: RuntimeEventsOptions,
  signal: AbortSignal,
  state: {streaming: boolean},
  onFirst: () => void,
): Promise<void> {
  while (!signal.aborted) {
    let failure: unknown;
    try {
      await options.relist();
      onFirst();
    } catch (error) {
      failure = error;
    }
    options.onRelisted(failure);
    const healthy = state.streaming && failure === undefined;
    await wait(options.clock, healthy ? behindEventsMs : withoutEventsMs, signal);
  }
}

async function streamLoop(
  {cri, clock, log, onEvent}: RuntimeEventsOptions,
  signal: AbortSignal,
  state: {streaming: boolean},
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of cri.runtime.getContainerEvents({}, {signal, timeoutMs: 0})) {
        state.streaming = true;
        const uid = uidOf(event);
        if (uid !== undefined) onEvent(uid);
      }
    } catch (error) {
      if (isCriUnimplemented(error)) return;
      if (!signal.aborted) log.debug('the event stream of the runtime ended', {error: describeError(error)});
    }
    state.streaming = false;
    await wait(clock, reconnectMs, signal);
  }
}

function uidOf({podSandboxStatus, containersStatuses}: ContainerEventResponse): string | undefined {
  return podSandboxStatus?.metadata?.uid ?? containersStatuses[0]?.labels[podLabels.uid];
}

function wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end, {once: true});
  });
}
