import {type Cri, isCriUnimplemented} from '../../edges/cri/client.ts';
import type {ContainerEventResponse} from '../../edges/cri/gen/api_pb.ts';
import {followTasks} from '../../edges/runtime/containerd-events.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {podLabels} from '../pod/config/sandbox-config.ts';
import {EndLooks} from './end-looks.ts';

export type RuntimeEventsOptions = {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly endpoint: string;
  readonly onEvent: (uid: string) => void;
  /** The pod of a container, as far as it is known. */
  readonly podOf: (containerId: string) => string | undefined;
  /** What was read of it last says that it has ended, or that it is gone; or our own call will. */
  readonly hasEnded: (containerId: string) => boolean;
  /** Looks at everything; throws while the runtime does not answer. */
  readonly relist: () => Promise<void>;
  readonly onRelisted: (error: unknown) => void;
};

export type RuntimeEvents = {readonly firstList: Promise<void>; stop(): Promise<void>};

/** Without events the list is all there is (Kubernetes' own period); behind them it only finds what was missed. */
const withoutEventsMs = 1000;
const behindEventsMs = 40_000;
/** containerd's own events say that something ended, not all that the CRI does: the list stays near behind them. */
const behindTasksMs = 5_000;
const reconnectMs = 1000;
/** What ends at once is known in a moment, when its start is; if not, a list finds it a little later. */
const listSoonMs = 100;

type Streams = {cri: boolean; tasks: boolean /** Makes the next list come now. */; listNow: () => void};

/** Tells which pods changed in the runtime: by its event stream where it has one, and by lists. */
export function startRuntimeEvents(options: RuntimeEventsOptions): RuntimeEvents {
  const controller = new AbortController();
  const first = Promise.withResolvers<void>();
  const state: Streams = {cri: false, tasks: false, listNow: () => undefined};
  const listing = listLoop(options, controller.signal, state, first.resolve);
  const streaming = Promise.all([
    streamLoop(options, controller.signal, state),
    taskLoop(options, controller.signal, state),
  ]);
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
  state: Streams,
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
    const ms = failure === undefined ? periodMs(state) : withoutEventsMs;
    const early = Promise.withResolvers<void>();
    state.listNow = early.resolve;
    const waited = new AbortController();
    await Promise.race([wait(options.clock, ms, AbortSignal.any([signal, waited.signal])), early.promise]);
    waited.abort();
  }
}

function periodMs({cri, tasks}: Streams): number {
  if (cri) return behindEventsMs;
  return tasks ? behindTasksMs : withoutEventsMs;
}

/** Where the CRI has no events, containerd's own say which container has ended. */
async function taskLoop(
  {endpoint, clock, onEvent, podOf, hasEnded}: RuntimeEventsOptions,
  signal: AbortSignal,
  state: Streams,
): Promise<void> {
  const looks = new EndLooks({
    clock,
    hasEnded: (containerId) => podOf(containerId) !== undefined && hasEnded(containerId),
    look(containerId) {
      const uid = podOf(containerId);
      if (uid !== undefined) onEvent(uid);
    },
  });
  let missed = false;
  while (!signal.aborted) {
    const end = await followTasks({
      endpoint,
      clock,
      signal,
      onAccepted: () => {
        state.tasks = true;
        if (missed) state.listNow();
      },
      onEvent(event) {
        if (state.cri) return;
        looks.told(event);
        const isUnknown = () => podOf(event.containerId) === undefined;
        if (isUnknown()) clock.after(listSoonMs, () => isUnknown() && state.listNow());
      },
    });
    state.tasks = false;
    looks.stop();
    missed ||= end === 'followed';
    if (end === 'followed') state.listNow();
    // What is away comes back; what has no such events has none the next time either.
    await wait(clock, end === 'refused' ? behindEventsMs : reconnectMs, signal);
  }
}

async function streamLoop(
  {cri, clock, log, onEvent}: RuntimeEventsOptions,
  signal: AbortSignal,
  state: Streams,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of cri.runtime.getContainerEvents({}, {signal, timeoutMs: 0})) {
        state.cri = true;
        const uid = uidOf(event);
        if (uid !== undefined) onEvent(uid);
      }
    } catch (error) {
      if (isCriUnimplemented(error)) return;
      if (!signal.aborted) log.debug('the event stream of the runtime ended', {error: describeError(error)});
    }
    // The runtime may be away: lists tell of that at once, and find what it did meanwhile.
    if (state.cri) state.listNow();
    state.cri = false;
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
