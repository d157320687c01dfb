import type {Pod} from '../../lib/kubernetes.ts';
import type {Finding} from '../check.ts';
import {nodeCheck} from '../node/context.ts';
import {probeReasons, type Trouble, troubleOf, troublesOf} from './troubles.ts';
import {describe, podCauses, podName, together, type Waiting} from './waiting.ts';

/** Three times what its probe itself waits, at least this long: until then a pod may still be starting. */
const leastMs = 10_000;
const patience = 3;

export const podProbes = nodeCheck({
  name: 'PodProbes',
  category: 'pods',
  codes: ['ND755'],
  looks: 'compares how long containers have run with what their probes allow',
  after: ['Authorized'],
  blames: [...podCauses, 'PodBridge'],
  async observe({sight, nowMs}) {
    const [pods, log] = await Promise.all([sight.pods(), sight.kubeletLog()]);
    return {pods: pods.kind === 'there' ? pods.object : [], troubles: troublesOf(log, nowMs)};
  },
  judge: ({pods, troubles}, {nowMs}) => judgeProbes(pods, troubles, nowMs),
});

export function judgeProbes(
  pods: readonly Pod[],
  troubles: readonly Trouble[],
  nowMs: number,
): readonly Finding[] {
  const late = pods
    .filter(({metadata, status}) => metadata.deletionTimestamp === undefined && status?.phase === 'Running')
    .flatMap((pod) => lateContainers(pod, troubles, nowMs));
  return together(
    'ND755',
    late,
    ({pod}, count) => (count === 1 ? `${pod} is not ready` : `${count} pods are not ready`),
    describe,
  );
}

function lateContainers(pod: Pod, troubles: readonly Trouble[], nowMs: number): Waiting[] {
  const name = podName(pod);
  return (pod.status?.containerStatuses ?? []).flatMap((container): Waiting[] => {
    const startedAt = container.state?.running?.startedAt;
    const spec = pod.spec.containers.find((one) => one.name === container.name);
    const probe = container.started === false ? spec?.startupProbe : spec?.readinessProbe;
    if (container.ready || startedAt === undefined || probe === undefined) return [];
    const {initialDelaySeconds = 0, periodSeconds = 10, failureThreshold = 3} = probe;
    const allowedMs = (initialDelaySeconds + periodSeconds * failureThreshold) * 1000 * patience;
    const ageMs = nowMs - Date.parse(startedAt);
    if (ageMs < Math.max(leastMs, allowedMs)) return [];
    const message = troubleOf(name, troubles, probeReasons)?.message ?? '';
    return [{pod: name, container: container.name, reason: container.name, message, ageMs}];
  });
}
