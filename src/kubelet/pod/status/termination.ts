import type {Decision} from '../../../lib/control/reconcile.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import type {Kill, PodAct} from '../actions/acts.ts';
import type {KillReason} from '../actions/container-change.ts';
import {isSidecar} from '../actions/restart.ts';
import type {PodSeen, Verdict} from '../seen.ts';
import {isTerminal} from './phase.ts';
import {restoredSpec} from './restored.ts';
import {isAlive, type RuntimeContainer} from './runtime-state.ts';

/** Kubernetes' default for terminationGracePeriodSeconds. */
const defaultGraceSeconds = 30;
/** What no source has ever described is ended with that grace (pod_workers.go). */
const orphanGraceSeconds = 1;

/** The next steps of a pod that comes to its end: containers, sandbox, volumes and cgroup, then the object. */
export function terminate(
  seen: PodSeen,
  pod: Pod | undefined,
  verdict: Verdict | undefined,
): Decision<PodAct> {
  const kills = podKills(seen, pod, verdict);
  if (kills.length > 0) return {acts: [{do: 'kill', kills}]};
  if (seen.stopping.size > 0) return {acts: []};
  // Made and never started: their processes, where there are any, would hold the pod's cgroup.
  const unstarted = seen.runtime.containers.filter(({state}) => state === 'created').map(({id}) => id);
  if (unstarted.length > 0) return {acts: [{do: 'removeContainers', ids: unstarted}]};
  const ready = seen.runtime.sandboxes.filter((sandbox) => sandbox.ready).map(({id}) => id);
  if (ready.length > 0) return {acts: [{do: 'stopSandboxes', ids: ready}]};
  if (seen.holdsClaims === true) return {acts: [{do: 'unprepareClaims'}]};
  if (seen.local !== 'clean') return {acts: [{do: 'tearDown'}]};
  if (seen.pod === undefined) return {acts: removal(seen)};
  const deleted = seen.pod.metadata.deletionTimestamp !== undefined;
  if (deleted && !seen.objectDeleted && !seen.isStatic && isTerminal(seen.written?.phase))
    return {acts: [{do: 'deleteObject'}]};
  return {acts: []};
}

/** Nobody knows the pod any more and nothing of it runs: its traces go. */
function removal({runtime}: PodSeen): PodAct[] {
  const containers = runtime.containers.map(({id}) => id);
  const sandboxes = runtime.sandboxes.map(({id}) => id);
  const acts: PodAct[] = [
    ...(containers.length === 0 ? [] : [{do: 'removeContainers', ids: containers} as const]),
    ...(sandboxes.length === 0 ? [] : [{do: 'removeSandboxes', ids: sandboxes} as const]),
  ];
  return acts.length === 0 ? [{do: 'forget'}] : acts;
}

/** Everything of the pod that runs ends, in the order of its end. */
export function podKills(seen: PodSeen, pod: Pod | undefined, verdict: Verdict | undefined): Kill[] {
  const alive = seen.runtime.containers.filter(isAlive);
  const graceSeconds = podGrace(pod, verdict);
  const endsAtMs = seen.monotonicMs + graceSeconds * 1000;
  return alive
    .filter(({id}) => {
      const stopping = seen.stopping.get(id);
      // Grace may only shrink; a second is the API's resolution.
      return stopping === undefined || stopping.endsAtMs > endsAtMs + 1000;
    })
    .map((container) => {
      const spec = pod === undefined ? restoredSpec(container) : specOf(pod, container.name);
      const message = `Stopping container ${container.name}`;
      return {
        container,
        spec,
        reason: 'ended',
        message,
        graceSeconds,
        after: goesAfter(pod, container, alive),
      };
    });
}

/** Sidecars end after all regular containers, and in the reverse of their order. */
function goesAfter(
  pod: Pod | undefined,
  container: RuntimeContainer,
  alive: readonly RuntimeContainer[],
): string[] {
  const sidecars = (pod?.spec.initContainers ?? []).filter(isSidecar).map(({name}) => name);
  const at = sidecars.indexOf(container.name);
  if (at < 0) return [];
  const later = sidecars.slice(at + 1);
  return alive.filter(({name}) => later.includes(name) || !sidecars.includes(name)).map(({id}) => id);
}

/** The shorter of what the API and this node say, else what the pod does (pod_workers.go, calculateEffectiveGracePeriod). */
export function podGrace(pod: Pod | undefined, verdict: Verdict | undefined): number {
  const told = [pod?.metadata.deletionGracePeriodSeconds, verdict?.graceSeconds].filter(
    (seconds) => seconds !== undefined,
  );
  if (told.length > 0) return Math.max(1, Math.min(...told));
  if (pod === undefined) return orphanGraceSeconds;
  return Math.max(1, pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds);
}

/** The grace of one container that is killed while its pod goes on: a probe may have one of its own. */
export function containerGrace(pod: Pod, spec: Container | undefined, reason: KillReason): number {
  const probe = {
    liveness: spec?.livenessProbe,
    startup: spec?.startupProbe,
    changed: undefined,
    lost: undefined,
    resize: undefined,
  };
  return (
    pod.metadata.deletionGracePeriodSeconds ??
    probe[reason]?.terminationGracePeriodSeconds ??
    pod.spec.terminationGracePeriodSeconds ??
    defaultGraceSeconds
  );
}

export function specOf(pod: Pod | undefined, name: string): Container | undefined {
  if (pod === undefined) return undefined;
  const {containers, initContainers = [], ephemeralContainers = []} = pod.spec;
  return [...containers, ...initContainers, ...ephemeralContainers].find((c) => c.name === name);
}
