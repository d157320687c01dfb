import type {Pod} from '../../../lib/kubernetes.ts';
import {imageVolumesOf} from '../config/image-volumes.ts';
import type {PodSeen, StartFailure} from '../seen.ts';

/** Why containers wait: what failed at the last start, an image that cannot be had, a crash that repeats. */
export function waitingReasons(seen: PodSeen, pod: Pod): ReadonlyMap<string, StartFailure> {
  const reasons = new Map(seen.startFailures);
  const {containers, initContainers = [], ephemeralContainers = []} = pod.spec;
  for (const container of [...initContainers, ...containers, ...ephemeralContainers])
    for (const {name} of [container, ...imageVolumesOf(pod, container)]) {
      const image = seen.images.get(name);
      if (image?.state === 'failed')
        reasons.set(container.name, {reason: image.reason, message: image.message});
      else if (image?.state === 'pulling' && image.after !== undefined)
        reasons.set(container.name, image.after);
    }
  const {name: podName, namespace, uid} = pod.metadata;
  for (const [name, {delayMs}] of seen.crashes) {
    const message = `back-off ${goDuration(delayMs)} restarting failed container=${name} pod=${podName}_${namespace}(${uid})`;
    reasons.set(name, {reason: 'CrashLoopBackOff', message});
  }
  for (const [name, message] of seen.awaitedDevices ?? [])
    reasons.set(name, {reason: 'CreateContainerConfigError', message, retryInMs: devicesMs});
  return reasons;
}

/** Their plugin tells when it is there; this is for all else. */
const devicesMs = 10_000;

/** As Go prints a time.Duration of whole seconds: `10s`, `1m20s`, `5m0s`. */
export function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
