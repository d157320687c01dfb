import type {Decision} from '../../../lib/control/reconcile.ts';
import type {Pod, PodStatus} from '../../../lib/kubernetes.ts';
import {isEmpty, resizePlan} from '../../resize/plan.ts';
import {imageVolumesOf} from '../config/image-volumes.ts';
import type {PodSeen, PresentImage, Verdict} from '../seen.ts';
import {isAlive, newestContainer, type RuntimeSandbox} from '../status/runtime-state.ts';
import {podStatus} from '../status/status.ts';
import {containerGrace, podKills, specOf, terminate} from '../status/termination.ts';
import type {ContainerStart} from './action-types.ts';
import {podActions} from './actions.ts';
import type {PodAct} from './acts.ts';
import {settlesInMs} from './dying.ts';
import {deadlineInMs, endingOf} from './ending.ts';
import {restartAll} from './restart-all.ts';
import {sandboxNeed} from './sandbox-need.ts';
import {waitingReasons} from './waiting.ts';

export type PodDecision = Decision<PodAct> & {
  /** Undefined for a pod without an object. */
  readonly status: PodStatus | undefined;
  /** The pod comes to its end. */
  readonly ending: boolean;
};

const networkRetryMs = 1000;
/** The node's own address, and the Node, are known in moments after the start. */
const nodeRetryMs = 100;
/** Kubernetes looks at resizes that wait for room at least that often. */
const deferredMs = 180_000;

/** The heart of the kubelet: what this pod needs now, and what its status is. Pure. */
export function decidePod(raw: PodSeen): PodDecision {
  const pod = raw.pod ?? raw.lastPod;
  if (raw.pod === undefined && !raw.sourcesSynced) return {acts: [], status: undefined, ending: false};
  if (!raw.admitted) return {acts: [], againInMs: nodeRetryMs, status: undefined, ending: false};
  if (pod === undefined) return {...terminate(raw, undefined, undefined), status: undefined, ending: true};
  const seen = {...raw, startFailures: waitingReasons(raw, pod)};
  const ending = endingOf(seen, pod);
  const verdict = ending?.why === 'verdict' ? ending.verdict : undefined;
  const status = seen.pod === undefined ? undefined : podStatus(seen, pod, ending !== undefined, verdict);
  const decision = ending === undefined ? run(seen, pod) : terminate(seen, pod, verdict);
  return {
    ...merge(verdictEvent(seen, verdict), withDeadline(decision, seen, pod)),
    status,
    ending: ending !== undefined,
  };
}

function withDeadline(decision: Decision<PodAct>, seen: PodSeen, pod: Pod): Decision<PodAct> {
  const deadlineMs = deadlineInMs(seen, pod);
  if (deadlineMs === undefined || deadlineMs === 0) return decision;
  return {...decision, againInMs: Math.min(deadlineMs, decision.againInMs ?? deadlineMs)};
}

function run(seen: PodSeen, pod: Pod): Decision<PodAct> {
  const anew = restartAll(seen, pod);
  if (anew !== undefined) return anew;
  if ([...seen.stopping.values()].some(({forGood}) => forGood)) return terminate(seen, pod, undefined);
  const actions = podActions({...seen, pod});
  if (actions.done) return terminate(seen, pod, undefined);
  const first = [...preparation(seen), ...backoffEvents(seen, pod, actions.starts)];
  if (actions.sandbox !== undefined) return merge(first, newSandbox(seen, pod, actions.sandbox.attempt));
  const kills = actions.kills
    .filter(({container}) => !seen.stopping.has(container.id))
    .map((kill) => {
      const spec = specOf(pod, kill.container.name);
      return {...kill, spec, graceSeconds: containerGrace(pod, spec, kill.reason), after: []};
    });
  const killActs: PodAct[] = kills.length === 0 ? [] : [{do: 'kill', kills}];
  const need = sandboxNeed(pod, seen.runtime);
  if (need.needed) return {acts: [...first, ...killActs]};
  const resize = resizing(seen, pod, need.sandbox);
  return merge(
    [...first, ...killActs, ...resize.acts],
    sooner(resize, startContainers(seen, pod, need.sandbox, actions.starts)),
  );
}

/** What runs gets its new limits before anything more is started. */
function resizing(seen: PodSeen, pod: Pod, sandbox: RuntimeSandbox): Decision<PodAct> {
  const plan = resizePlan(pod, seen.actuated, seen.runtime);
  if (isEmpty(plan))
    return seen.resize.pending?.reason === 'Deferred' ? {acts: [], againInMs: deferredMs} : {acts: []};
  if (seen.resizeInMs > 0) return {acts: [], againInMs: seen.resizeInMs};
  return {acts: [{do: 'resize', plan, sandbox}]};
}

function sooner({againInMs}: Decision<PodAct>, other: Decision<PodAct>): Decision<PodAct> {
  if (againInMs === undefined) return other;
  return {...other, againInMs: Math.min(againInMs, other.againInMs ?? againInMs)};
}

/** Of what is judged here; who evicts or preempts tells that himself. */
function verdictEvent(seen: PodSeen, verdict: Verdict | undefined): PodAct[] {
  if (verdict === undefined) return [];
  const {reason, message, rejected, failed} = verdict;
  if (rejected) return untold(seen, {do: 'tell', key: 'rejected', type: 'Warning', reason, message});
  return failed ? untold(seen, {do: 'tell', key: 'deadline', type: 'Normal', reason, message}) : [];
}

function merge(first: readonly PodAct[], then: Decision<PodAct>): Decision<PodAct> {
  return {...then, acts: [...first, ...then.acts]};
}

function preparation({local, volumes}: PodSeen): PodAct[] {
  const again = volumes.state === 'none' || (volumes.state === 'failed' && volumes.retryInMs === 0);
  return local !== 'prepared' || again ? [{do: 'prepare'}] : [];
}

/** What is left of the last sandbox goes before the next one comes; init containers begin anew with it. */
function newSandbox(seen: PodSeen, pod: Pod, attempt: number): Decision<PodAct> {
  const {containers, sandboxes} = seen.runtime;
  const kills = podKills(seen, pod, undefined);
  if (kills.length > 0) return {acts: [{do: 'kill', kills}]};
  if (seen.stopping.size > 0) return {acts: []};
  const ready = sandboxes.filter((sandbox) => sandbox.ready).map(({id}) => id);
  const inits = (pod.spec.initContainers ?? []).map(({name}) => name);
  const stale = containers.filter(({name}) => inits.includes(name)).map(({id}) => id);
  const acts: PodAct[] = [
    ...(ready.length === 0 ? [] : [{do: 'stopSandboxes', ids: ready} as const]),
    ...(stale.length === 0 ? [] : [{do: 'removeContainers', ids: stale} as const]),
  ];
  if (acts.length > 0) return {acts};
  if (seen.hostIps.length === 0) return {acts, againInMs: nodeRetryMs};
  if (seen.networkProblem === undefined || pod.spec.hostNetwork)
    return {acts: [{do: 'createSandbox', attempt}]};
  const reason = 'NetworkNotReady';
  const message = `network is not ready: ${seen.networkProblem}`;
  const told = untold(seen, {do: 'tell', key: reason, type: 'Warning', reason, message});
  return {acts: told, againInMs: networkRetryMs};
}

function untold(seen: PodSeen, act: PodAct & {do: 'tell'}): PodAct[] {
  return seen.told.has(act.key) ? [] : [act];
}

/** Of what is to be started: what ended well, or shall not run again, may still have a wait that nobody waits for. */
function backoffEvents(seen: PodSeen, pod: Pod, starts: readonly ContainerStart[]): PodAct[] {
  return starts.flatMap(({container: {name}}) => {
    if (!seen.crashes.has(name)) return [];
    const attempt = newestContainer(seen.runtime, name)?.attempt ?? 0;
    const {metadata} = pod;
    const message = `Back-off restarting failed container ${name} in pod ${metadata.name}_${metadata.namespace}(${metadata.uid})`;
    const key = `BackOff/${name}/${attempt}`;
    return untold(seen, {do: 'tell', key, type: 'Warning', reason: 'BackOff', message, container: name});
  });
}

/**
 * Containers start in order. One that waits for its image or its volumes holds back those after it; one that
 * failed, or that must wait before its next try, does not.
 */
function startContainers(
  seen: PodSeen,
  pod: Pod,
  sandbox: RuntimeSandbox,
  starts: readonly ContainerStart[],
): Decision<PodAct> {
  const acts: PodAct[] = [];
  const waits: number[] = [];
  let held = false;
  for (const {kind, container} of starts) {
    const step = startStep(seen, pod, sandbox, kind, container);
    if ('act' in step && (step.act.do !== 'start' || !held)) acts.push(step.act);
    if ('waitMs' in step) waits.push(step.waitMs);
    if (kind !== 'ephemeral' && 'holds' in step) held = true;
  }
  return waits.length === 0 ? {acts} : {acts, againInMs: Math.min(...waits)};
}

type StartStep =
  | {readonly act: PodAct; readonly holds?: true}
  | {readonly waitMs: number}
  | {readonly holds: true};

function startStep(
  seen: PodSeen,
  pod: Pod,
  sandbox: RuntimeSandbox,
  kind: ContainerStart['kind'],
  container: ContainerStart['container'],
): StartStep {
  const last = newestContainer(seen.runtime, container.name);
  if (last !== undefined && (isAlive(last) || seen.stopping.has(last.id))) return {holds: true};
  // Made and never started (we ended in between): it goes, so that its number can be used again.
  if (last?.state === 'created') return {act: {do: 'removeContainers', ids: [last.id]}, holds: true};
  const crash = seen.crashes.get(container.name);
  if (crash !== undefined && crash.remainingMs > 0) return {waitMs: crash.remainingMs};
  const settlesMs = last === undefined ? 0 : settlesInMs(seen, sandbox);
  if (settlesMs > 0) return {waitMs: settlesMs};
  const failure = seen.startFailures.get(container.name);
  if (failure?.retryInMs !== undefined && failure.retryInMs > 0) return {waitMs: failure.retryInMs};
  for (const needed of imageVolumesOf(pod, container)) {
    const missing = imageStep(seen, needed);
    if (missing.image === undefined) return missing.step;
  }
  const own = imageStep(seen, container);
  if (own.image === undefined) return own.step;
  if (seen.volumes.state === 'failed') return {waitMs: seen.volumes.retryInMs};
  if (seen.volumes.state !== 'ready') return {holds: true};
  const attempt = nextAttempt(seen, container.name);
  return {act: {do: 'start', kind, container, attempt, sandbox, image: own.image}};
}

/** A container's image once it is there, or what is to be done for it. */
function imageStep(
  seen: PodSeen,
  container: ContainerStart['container'],
): {readonly image: PresentImage} | {readonly image?: never; readonly step: StartStep} {
  const found = seen.images.get(container.name);
  // An image that was got before the container was given another one is not its image.
  const fits = found?.asked === undefined || found.asked === (container.image ?? '');
  const image = fits && found !== undefined ? found : {state: 'absent' as const};
  const act: PodAct = {do: 'ensureImage', container};
  switch (image.state) {
    case 'absent':
      return {step: {act, holds: true}};
    case 'pulling':
      return {step: {holds: true}};
    case 'failed':
      return {step: image.retryInMs === 0 ? {act} : {waitMs: image.retryInMs}};
    case 'ready':
      return {image: image.image};
  }
}

/**
 * The restart count of the next run: one more than the last one's, also where the runtime has forgotten it. Of what
 * waits the status may have counted the next run already: then the logs say (`restartsByLogs`).
 */
function nextAttempt(seen: PodSeen, name: string): number {
  const last = newestContainer(seen.runtime, name);
  if (last !== undefined) return last.attempt + 1;
  const {containerStatuses = [], initContainerStatuses = []} = seen.status ?? {};
  const told = [...containerStatuses, ...initContainerStatuses].find((status) => status.name === name);
  if (told?.state?.terminated !== undefined) return told.restartCount + 1;
  return told?.lastState?.terminated === undefined ? 0 : told.restartCount;
}
