import type {Daemon} from '../checks/node/context.ts';
import type {NodeOptions} from '../config/join.ts';
import {observeMachine} from '../edges/machine.ts';
import type {ServiceManager} from '../edges/services.ts';
import {NodectlError} from '../lib/errors.ts';
import {joinedBy, nodeDaemons} from './status.ts';

export const daemonNames: readonly Daemon[] = ['kubelet', 'proxy', 'containerd', 'sandbox'];

/**
 * The service behind a daemon's name on this machine.
 * @throws NodectlError ND101 when one may not look, ND731 when it is not installed
 */
export async function daemonService(
  daemon: Daemon,
  input: {readonly options: NodeOptions; readonly program: readonly string[]},
): Promise<{manager: ServiceManager; name: string}> {
  const machine = await observeMachine();
  if (!machine.root) throw new NodectlError('ND101', `the ${daemon} is root’s`);
  const service = (await nodeDaemons(input, machine, await joinedBy(input.options)))[daemon];
  if (!(await service.manager.status(service.name)).installed)
    throw new NodectlError('ND731', `there is no ${service.name} on this machine`);
  return service;
}
