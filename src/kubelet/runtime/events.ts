import {type Cri, isCriUnimplemented} from '../../edges/cri/client.ts';
import type {ContainerEventResponse} from '../../edges/cri/gen/api_pb.ts';
import {followTasks} from '../../edges/runtime/containerd-events.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {podLabels} from '../pod/config/sandbox-config.ts';

export type RuntimeEventsOptions = {
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly endpoint: string;
  readonly onEvent: (uid: string) => void;
  /** The pod of a container, as far as it is known. */
  readonly podOf: (containerId: string) => string | undefined;
  /** What was read of it last says that it has ended, or that it is gone. */
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
/** containerd tells an end before its CRI plugin shows it: we look until it is seen, each time so long after the last. */
const looksMs = [0, 15, 45, 140];

/** Ends of containers that are not known yet are found by a list, a little later. */
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
  const looking = new Set<string>();
  const look = (containerId: string) => {
    if (state.cri) return;
    const uid = podOf(containerId);
    if (uid === undefined) clock.after(listSoonMs, () => state.listNow());
    // Its exit and the end of its task are told one after the other.
    else if (!looking.has(containerId)) lookAgain(uid, containerId, 0);
  };
  const lookAgain = (uid: string, containerId: string, at: number) => {
    const ms = looksMs[at];
    if (ms === undefined || hasEnded(containerId)) {
      looking.delete(containerId);
      return;
    }
    looking.add(containerId);
    clock.after(ms, () => {
      if (!hasEnded(containerId)) onEvent(uid);
      lookAgain(uid, containerId, at + 1);
    });
  };
  while (!signal.aborted) {
    const accepted = await followTasks({
      endpoint,
      signal,
      onAccepted: () => {
        state.tasks = true;
      },
      onEvent: ({containerId}) => look(containerId),
    });
    state.tasks = false;
    await wait(clock, accepted ? reconnectMs : behindEventsMs, signal);
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
