import {sameNetwork} from '../../edges/network/same-network.ts';
import {check, type Finding, failure, warning} from '../check.ts';

export type Agent = {readonly pid: number; readonly program: string; readonly command: string};

/** Programs that run a node's pods, and how each is taken away. */
const agents: Readonly<Record<string, string>> = {
  kubelet: 'kubeadm reset, or systemctl disable --now kubelet',
  k3s: 'k3s-agent-uninstall.sh or k3s-uninstall.sh',
  'k3s-agent': 'k3s-agent-uninstall.sh',
  'k3s-server': 'k3s-uninstall.sh',
  k0s: 'k0s stop && k0s reset',
  rke2: 'rke2-uninstall.sh',
  kubelite: 'snap remove microk8s',
};

/** Two kubelets would fight over cgroups, ports, volumes and the network of pods. */
export const otherAgents = check({
  name: 'Service-Kubelet',
  category: 'leftovers',
  codes: ['ND605', 'ND606'],
  looks: 'lists the processes of other kubelets',
  observe: () => sameNetwork([...Object.keys(agents), 'dockerd', 'containerd']),
  judge: (found, {ownPids, options}) =>
    options.ownLayout ? [] : judgeAgents(found.filter(({pid}) => !ownPids.includes(pid))),
});

export function judgeAgents(found: readonly Agent[]): readonly Finding[] {
  return found.flatMap(({pid, program, command}) => {
    const remedy = agents[program];
    if (remedy !== undefined)
      return [failure('ND605', `${program} runs here already (process ${pid}: ${command})`, remedy)];
    const dockers = program === 'containerd' && command.includes('/docker/containerd');
    return dockers ? [warning('ND606', `Docker runs a containerd of its own (process ${pid})`)] : [];
  });
}
