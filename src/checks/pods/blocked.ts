import type {Code} from '../../lib/codes/catalogue.ts';
import {sandboxFault} from '../../lib/codes/spoken.ts';
import type {Finding} from '../check.ts';
import {nodeCheck} from '../node/context.ts';
import {sandboxReasons, type Trouble, troubleOf, troublesOf, volumeReasons} from './troubles.ts';
import {briefly, podCauses, together, type Waiting, waitingContainers, withCause} from './waiting.ts';

export const podVolumes = blocked('PodVolumes', 'ND756', volumeReasons, 'waits for a volume');
export const podNetworks = blocked(
  'PodNetworks',
  'ND757',
  sandboxReasons,
  'gets no network',
  (message) => sandboxFault(message) === 'network',
);

/** Pods that wait for something that the kubelet has tried in vain: said at once, not when they are late. */
function blocked(
  name: string,
  code: Code,
  reasons: RegExp,
  what: string,
  says: (message: string) => boolean = () => true,
) {
  return nodeCheck({
    name,
    category: 'pods',
    codes: [code],
    looks: 'reads the warning events in the kubelet’s log about pods that wait',
    after: ['Authorized'],
    blames: [...podCauses, 'CNIPlugins', 'PodBridge', 'PodSandboxes'],
    async observe({sight, nowMs}) {
      const [pods, log] = await Promise.all([sight.pods(), sight.kubeletLog()]);
      const waiting = pods.kind === 'there' ? waitingContainers(pods.object, nowMs) : [];
      return {waiting, troubles: troublesOf(log, nowMs).filter(({message}) => says(message))};
    },
    judge: ({waiting, troubles}) => judgeBlocked(waiting, troubles, {code, reasons, what}),
  });
}

type Kind = {readonly code: Code; readonly reasons: RegExp; readonly what: string};

export function judgeBlocked(
  waiting: readonly Waiting[],
  troubles: readonly Trouble[],
  {code, reasons, what}: Kind,
): readonly Finding[] {
  const pods = new Map(waiting.map((one) => [one.pod, one]));
  const stuck = [...pods.values()].flatMap((one): Waiting[] => {
    const trouble = troubleOf(one.pod, troubles, reasons);
    return trouble === undefined ? [] : [{...one, reason: trouble.reason, message: trouble.message}];
  });
  const {why, next} = withCause(stuck);
  return together(
    code,
    briefly(stuck),
    ({pod}, count) => (count === 1 ? `${pod} ${what}${why}` : `${count} pods: each ${what}${why}`),
    next,
  );
}
