import {dirname} from 'node:path';
import {type SandboxSettings, sandboxPaths, sandboxService} from '../../config/sandbox.ts';
import {exists, removeFile} from '../../edges/files/files.ts';
import {removeEmptyDirectory, removeTree} from '../../edges/files/host-files.ts';
import {observeMachine} from '../../edges/machine/machine.ts';
import {shutdownIdleSupervisor} from '../../edges/systemd/supervised.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {StepDeps} from '../types.ts';
import {type ResetResult, resetNode} from '../undo/reset.ts';
import {sandboxServices} from './services.ts';

export type SandboxDownResult = ResetResult & {
  /** Whether there was a control plane to take away. */
  readonly sandbox: boolean;
};

type Place = Pick<SandboxSettings, 'layout' | 'root'>;

/** Takes the node out as `nodectl reset` does, then the control plane with its data. */
export async function sandboxDown(place: Place, deps: StepDeps): Promise<SandboxDownResult> {
  const {root} = await observeMachine();
  if (!root) throw new NodectlError('ND101', 'this command changes the machine and must run as root');
  const {layout} = place;
  const paths = sandboxPaths(place);
  // The program that runs may be the copy that is removed below; it stays open until this process ends.
  const reset = await resetNode(
    {layout, ownLayout: place.root !== undefined, plan: false, drain: false},
    deps,
  );
  const sandbox = await exists(paths.dir);
  if (sandbox) await removeControlPlane(place, deps);
  return {...reset, sandbox};
}

async function removeControlPlane(place: Place, deps: StepDeps): Promise<void> {
  const {layout} = place;
  const paths = sandboxPaths(place);
  deps.onStep('remove the control plane and its data');
  const services = await sandboxServices(place, deps.program);
  await services.remove(sandboxService);
  if (services.kind === 'supervised') await shutdownIdleSupervisor(paths.supervisor);
  await removeTree(paths.dir, [], false);
  for (const name of [sandboxService, 'supervisor']) await removeFile(`${layout.logDir}/${name}.log`);
  for (const dir of [layout.logDir, dirname(paths.dir)]) await removeEmptyDirectory(dir);
}
