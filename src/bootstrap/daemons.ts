import type {Writable} from 'node:stream';
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

export type LogWish = {
  readonly lines: number;
  readonly follow: boolean;
  /** Only lines of this time and later, as far as they say their time. */
  readonly sinceMs: number | undefined;
};

export async function showDaemonLog(
  daemon: Daemon,
  input: {readonly options: NodeOptions; readonly program: readonly string[]},
  {lines, follow, sinceMs}: LogWish,
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  const {manager, name} = await daemonService(daemon, input);
  if (follow && sinceMs === undefined) return manager.follow(name, lines, out, signal);
  for (const line of await manager.log(name, lines))
    if (sinceMs === undefined || timeOf(line) >= sinceMs) out.write(`${line}\n`);
  if (follow) await manager.follow(name, 0, out, signal);
}

/** Our daemons write JSON, containerd logfmt; a line without a time belongs to what is told anyway. */
function timeOf(line: string): number {
  const time = /"?time"?[:=]"([^"]+)"/.exec(line)?.[1];
  return time === undefined ? Number.POSITIVE_INFINITY : Date.parse(time);
}
