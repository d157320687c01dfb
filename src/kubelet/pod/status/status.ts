import {qosClass} from '../../../config/pod/qos.ts';
import type {ContainerStatus, Pod, PodStatus} from '../../../lib/kubernetes.ts';
import {timestamp} from '../../../lib/time.ts';
import {podResourcesStatus, resizeConditionsOf} from '../../resize/status.ts';
import {isRestarting} from '../actions/ending.ts';
import {hasOldContainers, isRestartingAll} from '../actions/restart-all.ts';
import {sandboxNeed} from '../actions/sandbox-need.ts';
import type {PodSeen, Verdict} from '../seen.ts';
import {kubeletConditions, podConditions} from './conditions.ts';
import {containerStatuses} from './container-states.ts';
import {finalStatuses} from './final.ts';
import {isTerminal, phaseOf} from './phase.ts';
import {isAlive} from './runtime-state.ts';

/**
 * The pod's status from what was seen, and nothing else. `ending`: nothing of the pod will be started again.
 * A terminal phase shows only when nothing of it can run any more.
 */
export function podStatus(seen: PodSeen, pod: Pod, ending: boolean, verdict: Verdict | undefined): PodStatus {
  if (verdict?.rejected) return rejected(seen, pod, verdict);
  const ended = ending && isStill(seen);
  const lists = finished(seen, pod, ended);
  const phase = phaseFor(seen, pod, lists, ended, verdict);
  const words = reasonFor(seen, pod, phase.shown, ended && phase.judged === 'Failed' ? verdict : undefined);
  const network = addresses(seen, pod);
  return clean({
    ...(pod.status?.nominatedNodeName === undefined ? {} : {nominatedNodeName: pod.status.nominatedNodeName}),
    observedGeneration: pod.metadata.generation,
    phase: phase.shown,
    ...words,
    startTime: seen.status?.startTime ?? pod.status?.startTime ?? timestamp(seen.nowMs),
    qosClass: qosClass(pod.spec),
    ...network,
    conditions: podConditions({
      pod,
      nowMs: seen.nowMs,
      phase: phase.judged,
      statuses: [...lists.init, ...lists.regular],
      readyToStart: isReadyToStart(seen, pod),
      restartingAll: isRestartingAll(seen, pod) && hasOldContainers(seen, pod),
      old: seen.status?.conditions ?? [],
      resize: ended ? [] : resizeConditionsOf(seen.resize, seen.nowMs),
      ...disruptionOf(ended ? verdict : undefined),
    }),
    ...podResourcesStatus(pod, seen.actuated, seen.resources),
    containerStatuses: lists.regular,
    initContainerStatuses: lists.init.length === 0 ? undefined : lists.init,
    ephemeralContainerStatuses: lists.ephemeral.length === 0 ? undefined : lists.ephemeral,
  });
}

/**
 * Here the sandbox is made while the volumes are. Whoever waits for this condition knows that Kubernetes mounts them
 * before: it is not True as long as one is missing.
 */
function isReadyToStart({runtime, volumes, status}: PodSeen, pod: Pod): boolean {
  if (sandboxNeed(pod, runtime).needed) return false;
  const told = status?.conditions?.find(({type}) => type === 'PodReadyToStartContainers')?.status;
  return volumes.state === 'ready' || runtime.containers.length > 0 || told === 'True';
}

type Lists = {init: ContainerStatus[]; regular: ContainerStatus[]; ephemeral: ContainerStatus[]};

/** Claims are given back before the API server is told: it may then give their devices to others. */
function isStill(seen: PodSeen): boolean {
  return seen.holdsClaims !== true && seen.stopping.size === 0 && !seen.runtime.containers.some(isAlive);
}

function finished(seen: PodSeen, pod: Pod, final: boolean): Lists {
  const lists = {
    init: containerStatuses(seen, pod, 'init'),
    regular: containerStatuses(seen, pod, 'regular'),
    ephemeral: containerStatuses(seen, pod, 'ephemeral'),
  };
  return final ? {...lists, ...finalStatuses(pod, lists)} : lists;
}

/**
 * `judged` decides the conditions; `shown` is what the API may see of it yet. A verdict does not change what containers
 * say at their end: a pod that was made to go and ended well has succeeded (generateAPIPodStatus).
 */
function phaseFor(seen: PodSeen, pod: Pod, lists: Lists, ended: boolean, verdict: Verdict | undefined) {
  const computed = phaseOf({
    spec: pod.spec,
    statuses: [...lists.init, ...lists.regular],
    ended,
    isStatic: seen.isStatic,
    hasStarted: startedHere(seen, pod),
    restartingAll: isRestartingAll(seen, pod),
  });
  const shown = isRestarting(seen) && isTerminal(computed) && !ended ? 'Running' : computed;
  const told = [seen.status?.phase, pod.status?.phase].find(isTerminal);
  const isForGood = verdict !== undefined || !seen.isStatic;
  const closed = ended && isForGood && !isTerminal(computed) ? 'Failed' : shown;
  const judged = told ?? (verdict?.failed ? 'Failed' : closed);
  const before = told ?? seen.status?.phase ?? 'Pending';
  const held = isTerminal(judged) && !isStill(seen) && !isTerminal(before);
  return {judged, shown: held ? before : judged};
}

function startedHere(seen: PodSeen, pod: Pod): boolean {
  const [sandbox] = seen.runtime.sandboxes;
  return seen.runtime.containers.some(
    (c) =>
      c.sandboxId === sandbox?.id &&
      c.state !== 'created' &&
      pod.spec.containers.some(({name}) => name === c.name),
  );
}

/** A reason belongs to its phase; somebody else may have given it. */
function reasonFor({status}: PodSeen, pod: Pod, phase: string, verdict: Verdict | undefined) {
  if (verdict !== undefined) return {reason: verdict.reason, message: verdict.message};
  if (phase !== status?.phase) return {};
  return {
    reason: status.reason || pod.status?.reason,
    message: status.message || pod.status?.message,
  };
}

function disruptionOf(verdict: Verdict | undefined) {
  if (verdict?.disruption === undefined) return {};
  return {disruption: {reason: verdict.disruption, message: verdict.disruptionMessage ?? verdict.message}};
}

/** The addresses stay after the sandbox is gone: logs of what ended are still read by them. */
function addresses({runtime, hostIps, status}: PodSeen, pod: Pod): Partial<PodStatus> {
  const [sandbox] = runtime.sandboxes;
  const [hostIP] = hostIps;
  const own = sandbox?.ready ? sandbox.ips : [];
  const kept = (status?.podIPs ?? []).map(({ip}) => ip);
  const told = ordered(own, hostIP);
  const ips = pod.spec.hostNetwork ? hostNetworkIps(told, hostIps) : told.length > 0 ? told : kept;
  return {
    ...(hostIP === undefined ? {} : {hostIP, hostIPs: hostIps.map((ip) => ({ip}))}),
    ...(ips[0] === undefined ? {} : {podIP: ips[0], podIPs: ips.map((ip) => ({ip}))}),
  };
}

/** Those of the host, as far as the runtime does not tell its own: a second one only of the other family. */
function hostNetworkIps(told: readonly string[], [first, second]: readonly string[]): readonly string[] {
  const ips = told.length > 0 || first === undefined ? told : [first];
  const isOther = second !== undefined && ips.length === 1 && ips[0]?.includes(':') !== second.includes(':');
  return isOther ? [...ips, second] : ips;
}

/** One of each family, that of the node's first address before the other (kubelet_pods.go, sortPodIPs). */
function ordered(ips: readonly string[], hostIp: string | undefined): string[] {
  const isSix = (ip: string) => ip.includes(':');
  const six = hostIp !== undefined && isSix(hostIp);
  return [six, !six].flatMap((family) => ips.find((ip) => isSix(ip) === family) ?? []);
}

/** A pod that was refused: its containers were never anything, nor is there anything to say of their readiness. */
function rejected(seen: PodSeen, pod: Pod, {reason, message}: Verdict): PodStatus {
  return clean({
    ...pod.status,
    conditions: (pod.status?.conditions ?? []).filter(({type}) => !kubeletConditions.includes(type)),
    observedGeneration: pod.metadata.generation,
    phase: 'Failed',
    reason,
    message: `Pod was rejected: ${message}`,
    startTime: seen.status?.startTime ?? pod.status?.startTime ?? timestamp(seen.nowMs),
    qosClass: qosClass(pod.spec),
  });
}

/** Without fields that are undefined, so that equal statuses compare equal. */
function clean(status: PodStatus): PodStatus {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined));
}
