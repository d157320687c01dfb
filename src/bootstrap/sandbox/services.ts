import {type SandboxSettings, sandboxPaths} from '../../config/sandbox.ts';
import {observeMachine} from '../../edges/machine/machine.ts';
import type {ServiceManager} from '../../edges/systemd/services.ts';
import {supervisedServices} from '../../edges/systemd/supervised.ts';
import {systemdServices} from '../../edges/systemd/systemd.ts';

/**
 * Who runs the control plane. Where systemd is not, it has a supervisor of its own, so that resetting the node
 * leaves it alone.
 */
export async function sandboxServices(
  settings: Pick<SandboxSettings, 'layout'>,
  program: readonly string[],
): Promise<ServiceManager> {
  const {systemd} = await observeMachine();
  const {supervisor, binary} = sandboxPaths(settings);
  const words = program.length === 1 ? [binary] : program;
  return systemd
    ? systemdServices(settings.layout.unitDir)
    : supervisedServices({dir: supervisor, logDir: settings.layout.logDir, program: words});
}
