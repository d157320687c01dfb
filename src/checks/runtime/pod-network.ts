import type {RuntimeCondition} from '../../edges/runtime/runtime-sight.ts';
import {type Finding, failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';
import {notTrue} from './ready.ts';

export const podNetwork = nodeCheck({
  name: 'PodNetwork',
  category: 'runtime',
  codes: ['ND509'],
  looks: 'reads NetworkReady of the runtime',
  // It has read what lies in the directory, and found nothing wrong with it.
  after: ['ContainerRuntime', 'CNIConfig'],
  observe: ({sight}) => sight.runtime(),
  judge: (seen, context) =>
    seen.kind === 'answers'
      ? judgeNetwork(
          seen.conditions,
          context.options.layout.cniConfDir,
          command(context, 'restart containerd'),
        )
      : [],
});

/**
 * containerd watches the directory that was there when it started: where that was removed, or moved away, it never
 * reads the one in its place.
 */
export function judgeNetwork(
  conditions: readonly RuntimeCondition[],
  directory: string,
  restart: string,
): readonly Finding[] {
  const unread = conditions.some(
    ({type, status, message}) =>
      type === 'NetworkReady' && status === false && /cni plugin not initialized/.test(message),
  );
  if (!unread) return notTrue(conditions, 'NetworkReady', 'ND509');
  const what = `the container runtime has not read ${directory}, in which all is well`;
  return [failure('ND509', `${what}\nit does not see a directory that was made anew`, restart)];
}
