import {loadModule} from '../../edges/machine/sysctl.ts';
import {run} from '../../edges/process/exec.ts';
import type {Code} from '../../lib/codes/catalogue.ts';
import {describeError, isNodectlError, NodectlError} from '../../lib/errors.ts';
import type {Facts} from '../phase.ts';

/** What programs of the machine do, with the code of what their failure means to a join. */
export async function turnSwapOff(device: string): Promise<void> {
  await run('swapoff', [device], {timeoutMs: 300_000}).catch((cause: unknown) => {
    throw new NodectlError('ND131', `swap on ${device} cannot be turned off`, {
      cause,
      next: [
        'free -m; ps aux --sort=-rss | head, to see what does not fit into memory',
        'Or join with failSwapOn: false in a KubeletConfiguration (--config).',
      ],
    });
  });
}

/** Containers of a host (LXC, Docker) see its modules and may not load them. */
export async function bringModule(name: string): Promise<void> {
  await loadModule(name).catch((cause: unknown) => {
    throw new NodectlError('ND121', `kernel module ${name} cannot be loaded`, {
      cause,
      next: [
        `sudo modprobe ${name}, where this machine is a container: on its host`,
        `sudo dmesg | tail, for why the kernel refuses it`,
      ],
    });
  });
}

const notStarted: Readonly<Record<string, Code>> = {
  containerd: 'ND505',
  'nodectl-kubelet': 'ND703',
  'nodectl-proxy': 'ND735',
};

/** systemctl only says that a job failed: the service's own words say why. */
export async function startService(
  how: 'start' | 'restart',
  name: string,
  {services}: Pick<Facts, 'services'>,
): Promise<void> {
  try {
    await services[how](name);
  } catch (error) {
    if (!isNodectlError(error, 'ND903')) throw error;
    const words = await services.log(name, 8).catch(() => []);
    const what = `${name} did not start: ${describeError(error)}`;
    throw new NodectlError(notStarted[name] ?? 'ND702', [what, ...words].join('\n'), {cause: error});
  }
}
