import {type NamedProcess, namedInNetwork} from '../../edges/network/same-network.ts';
import {type Finding, failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** Other distributions have a kubelet inside; it uses the same ports, cgroups and pod network. */
const distributions = ['k3s', 'k3s-agent', 'k3s-server', 'k0s', 'rke2', 'kubelite'];

/** One that was started beside ours: an old one that a package's update or a reboot has brought back. */
export const otherKubelet = nodeCheck({
  name: 'OtherKubelet',
  category: 'leftovers',
  codes: ['ND605'],
  looks: 'looks for processes of other kubelets that work in the same directory',
  after: ['Joined'],
  async observe({options, joined}) {
    const {layout, ownLayout} = options;
    // Another node on this machine has its own places, and is not what those are.
    const found = await namedInNetwork(ownLayout ? ['kubelet'] : ['kubelet', ...distributions]);
    const same = found.filter(({command}) => rootOf(command) === layout.kubeletDir);
    // A node of another tool has one by right.
    if (joined === 'other') return same.slice(1);
    return same.filter(({command}) => !command.startsWith(`${layout.stateDir}/bin/`));
  },
  judge: judgeKubelets,
});

export function judgeKubelets(found: readonly NamedProcess[]): readonly Finding[] {
  const [first] = found;
  if (first === undefined) return [];
  const {program, pid, command} = first;
  return [
    failure(
      'ND605',
      `another kubelet runs here: ${program} (process ${pid})\n${command.slice(0, 120)}`,
      `sudo systemctl disable --now ${program}`,
      `sudo kill ${pid}, when no service has started it.`,
    ),
  ];
}

/** `--root-dir /data/kubelet`, as the kubelet defaults it. */
export function rootOf(command: string): string {
  return /--root-dir[= ](\S+)/.exec(command)?.[1]?.replace(/(.)\/+$/, '$1') ?? '/var/lib/kubelet';
}
