import {sandboxFault} from '../../lib/codes/spoken.ts';
import {type Finding, failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';
import {sandboxReasons, type Trouble, troubleOf, troublesOf} from './troubles.ts';
import {podCauses, waitingContainers} from './waiting.ts';

/** What keeps every new pod from starting, told by the first that waits for it. */
export const podSandboxes = nodeCheck({
  name: 'PodSandboxes',
  category: 'runtime',
  codes: ['ND502', 'ND511'],
  looks: 'reads in the kubelet’s log why the runtime makes no sandboxes',
  after: ['Authorized'],
  blames: podCauses,
  async observe({sight, nowMs}) {
    const [pods, log] = await Promise.all([sight.pods(), sight.kubeletLog()]);
    const waiting = pods.kind === 'there' ? waitingContainers(pods.object, nowMs) : [];
    const troubles = troublesOf(log, nowMs);
    return waiting.flatMap(({pod}) => troubleOf(pod, troubles, sandboxReasons) ?? []);
  },
  judge: (troubles, context) =>
    judgeSandboxes(troubles, command(context, 'logs containerd'), (image) =>
      // The sandbox brings its own; any other is what containerd's configuration names.
      image.startsWith('nodectl.local/')
        ? [command(context, 'sandbox up')]
        : [command(context, `images pull ${image}`), 'grep -rE "sandbox(_image)? =" /etc/containerd'],
    ),
});

export function judgeSandboxes(
  troubles: readonly Trouble[],
  logs: string,
  pull: (image: string) => readonly string[],
): readonly Finding[] {
  for (const {pod, message} of troubles)
    switch (sandboxFault(message)) {
      case 'image': {
        const image = /sandbox image "([^"]+)"/.exec(message)?.[1];
        const what = `no pod starts: the pause image ${image ?? ''} cannot be had`;
        return [failure('ND511', `${what}\n${pod}: ${message}`, ...pull(image ?? 'IMAGE'), logs)];
      }
      case 'runtime': {
        const missing = /exec: "([^"]+)": executable file not found/.exec(message)?.[1];
        const what =
          missing === undefined
            ? 'no pod starts: the runtime cannot run its programs'
            : `no pod starts: ${missing} is not installed`;
        const install = missing === 'runc' ? ['sudo apt-get install --reinstall runc'] : [];
        return [failure('ND502', `${what}\n${pod}: ${message}`, ...install, logs)];
      }
      case 'network':
      case 'other':
        continue;
    }
  return [];
}
