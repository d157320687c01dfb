import {failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';

/** Of runtimes that do not tell their driver nothing is known. */
export const cgroupDriver = nodeCheck({
  name: 'CgroupDriver',
  category: 'runtime',
  codes: ['ND510'],
  looks: 'asks the runtime for its cgroup driver and compares it with cgroupDriver of the kubelet',
  after: ['ContainerRuntime'],
  async observe({sight, joined}) {
    const [runtime, config] = await Promise.all([
      sight.runtime(),
      sight.kubeletConfig().catch(() => undefined),
    ]);
    // Kubernetes' own kubelet takes the runtime's word for it where it can.
    const wanted = joined === 'other' ? undefined : config?.cgroupDriver;
    return {wanted, has: runtime.kind === 'answers' ? runtime.cgroupDriver : undefined};
  },
  judge: ({wanted, has}, context) =>
    wanted === undefined || has === undefined || wanted === has
      ? []
      : [
          failure(
            'ND510',
            `the kubelet uses the cgroup driver ${wanted}, the container runtime ${has}`,
            `Set SystemdCgroup = ${wanted === 'systemd'} in ${context.options.layout.containerdConfig}, then ${command(context, 'restart containerd')}`,
          ),
        ],
});
