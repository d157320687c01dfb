import {makeDirectory} from '../../../edges/files/files.ts';
import {describeError} from '../../../lib/errors.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import {cgroupOf} from '../config/build.ts';
import {podPaths} from '../config/pod-paths.ts';
import {podReferences} from '../config/references.ts';
import {cpuWeight, podCgroup, quotaFacts} from '../config/resources/resources.ts';
import type {Verdict} from '../seen.ts';
import {newestContainer} from '../status/runtime-state.ts';
import type {ApplyContext} from './apply-context.ts';
import {tellPod} from './tell.ts';

const firstRetryMs = 500;
const maxRetryMs = 120_000;
/** For what somebody else has to do first: a claim to be bound, a volume to be attached. */
const waitMs = 1000;

/** Makes what a pod needs beside its sandbox. Volumes and images go on when this returns. */
export async function preparePod(context: ApplyContext): Promise<void> {
  const {deps, memory, pod} = context;
  if (pod === undefined) return;
  deps.objects.use(memory.uid, podReferences(pod));
  if (memory.local !== 'prepared') {
    const told = (reason: string, what: string) => (error: unknown) => {
      tellPod(deps.recorder, pod, undefined, 'Warning', reason, `${what}: ${describeError(error)}`);
      throw error;
    };
    await makeDirectory(podPaths(deps.config, pod).root, 0o750).catch(
      told('Failed', 'error making pod data directories'),
    );
    await makeCgroup(context, pod).catch(
      told('FailedCreatePodContainer', 'unable to ensure pod container exists'),
    );
    prefetchImages(context, pod);
    memory.local = 'prepared';
  }
  memory.preparing ??= new AbortController();
  void prepareVolumes(context, pod, memory.preparing.signal);
}

async function makeCgroup({deps}: ApplyContext, pod: Pod): Promise<void> {
  const facts = quotaFacts(deps.facts.resources, deps.managers?.hasExclusiveCpus(pod) === true);
  const limits = podCgroup(pod, facts);
  const {podPidsLimit} = deps.config;
  await deps.cgroups.ensure(cgroupOf(deps, pod), {
    ...limits,
    cpuWeight: cpuWeight(limits.cpuShares),
    ...(podPidsLimit > 0 ? {pids: podPidsLimit} : {}),
  });
}

/** Images come while the sandbox is made; what has run already may not need its image again. */
function prefetchImages({images, memory, runtime}: ApplyContext, pod: Pod): void {
  const known = runtime.peek(memory.uid) ?? {sandboxes: [], containers: []};
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers])
    if (newestContainer(known, container.name) === undefined) images.ensure(pod, container);
}

/** Everything that failed does so because something is waited for. */
function isWaiting(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isWaiting);
  return error instanceof Error && 'waiting' in error && error.waiting === true;
}

/** A failure that no try can mend: the pod ends, as if it had not been admitted. */
export function rejectionOf(error: unknown): Verdict | undefined {
  if (error instanceof AggregateError) return error.errors.map(rejectionOf).find((one) => one !== undefined);
  if (!(error instanceof Error && 'rejection' in error)) return undefined;
  const {rejection} = error;
  if (typeof rejection !== 'object' || rejection === null) return undefined;
  if (!('reason' in rejection && 'message' in rejection)) return undefined;
  return {reason: String(rejection.reason), message: String(rejection.message), rejected: true};
}

/** The events that a failure is told by. */
export function failuresOf(error: unknown): {reason: string; message: string}[] {
  if (error instanceof AggregateError) return error.errors.flatMap(failuresOf);
  if (error instanceof Error && 'quiet' in error && error.quiet === true) return [];
  const reason = error instanceof Error && 'reason' in error ? error.reason : undefined;
  return [{reason: typeof reason === 'string' ? reason : 'FailedMount', message: describeError(error)}];
}

async function prepareVolumes(context: ApplyContext, pod: Pod, signal: AbortSignal): Promise<void> {
  const {deps, memory} = context;
  const before = memory.volumes;
  memory.volumes = {state: 'preparing'};
  try {
    await deps.volumes.prepare(pod, signal);
    memory.volumes = {state: 'ready'};
  } catch (error) {
    if (signal.aborted) return;
    const rejection = memory.verdict === undefined ? rejectionOf(error) : undefined;
    if (rejection !== undefined) deps.telemetry?.node.rejected(rejection.reason);
    memory.verdict ??= rejection;
    const message = describeError(error);
    const failures = (before.state === 'failed' ? before.failures : 0) + 1;
    const retryMs = isWaiting(error) ? waitMs : Math.min(firstRetryMs * 2 ** (failures - 1), maxRetryMs);
    memory.volumes = {state: 'failed', message, failures, retryAtMs: deps.clock.monotonic() + retryMs};
    const isTold = memory.verdict?.rejected === true;
    // A wait is looked at often and told of seldom: at the 1st, 2nd, 4th, 8th … time.
    if (!isTold && (!isWaiting(error) || Number.isInteger(Math.log2(failures))))
      for (const {reason, message: told} of failuresOf(error))
        tellPod(deps.recorder, pod, undefined, 'Warning', reason, told);
  }
  context.again();
}
