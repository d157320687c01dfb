import {sameNetwork} from '../../edges/network/same-network.ts';
import {enabledServices} from '../../edges/systemd/enabled.ts';
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

/** The services of these, as their packages and installers name them. */
const services: readonly string[] = [
  ...['kubelet', 'k3s', 'k3s-agent', 'k0sworker', 'k0scontroller', 'rke2-agent', 'rke2-server'],
  'snap.microk8s.daemon-kubelite',
];

type Seen = {readonly processes: readonly Agent[]; readonly enabled: readonly string[]};

/** Two kubelets would fight over cgroups, ports, volumes and the network of pods. */
export const otherAgents = check({
  name: 'Service-Kubelet',
  category: 'leftovers',
  codes: ['ND605', 'ND606'],
  looks: 'lists the processes and the enabled services of other kubelets',
  async observe({machine, options}): Promise<Seen> {
    // Another node on this machine has its own places, and is not what those are.
    if (options.ownLayout) return {processes: [], enabled: []};
    const [processes, enabled] = await Promise.all([
      sameNetwork([...Object.keys(agents), 'dockerd', 'containerd']),
      machine.systemd ? enabledServices(services) : [],
    ]);
    return {processes, enabled};
  },
  judge: ({processes, enabled}, {ownPids}) => {
    const found = judgeAgents(processes.filter(({pid}) => !ownPids.includes(pid)));
    return found.some(({code}) => code === 'ND605') ? found : [...found, ...judgeServices(enabled)];
  },
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

/**
 * A kubelet that waits for a configuration, as kubeadm's package has it, runs for a moment every ten seconds; it finds
 * its configuration as soon as we have written ours.
 */
export function judgeServices(enabled: readonly string[]): readonly Finding[] {
  return enabled.map((name) =>
    failure(
      'ND605',
      `${name}.service is enabled: it would run beside our kubelet, now or after a reboot`,
      `sudo systemctl disable --now ${name}`,
    ),
  );
}
