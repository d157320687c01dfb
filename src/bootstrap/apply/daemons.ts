import type {Writable} from 'node:stream';
import type {Daemon} from '../../checks/node/context.ts';
import type {NodeOptions} from '../../config/join.ts';
import {realClock, sleep} from '../../edges/clock.ts';
import {getText} from '../../edges/http/http.ts';
import {eachLine} from '../../edges/logs/each-line.ts';
import {observeMachine} from '../../edges/machine/machine.ts';
import {askRuntime} from '../../edges/runtime/containerd.ts';
import type {ServiceManager} from '../../edges/systemd/services.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import {portsOf} from '../status/health.ts';
import {joinedBy, nodeDaemons} from '../status/status.ts';

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

const answerMs = 15_000;
const lookMs = 200;

/**
 * Starts a daemon anew; answers whether it is healthy, which a slow machine may not yet know.
 * @throws NodectlError ND702, for the kubelet ND703, with its last words when it ends at once
 */
export async function restartDaemon(
  daemon: Daemon,
  input: {readonly options: NodeOptions; readonly program: readonly string[]},
): Promise<{name: string; healthy: boolean}> {
  const {manager, name} = await daemonService(daemon, input);
  const failed = async (how: string, cause?: unknown): Promise<NodectlError> => {
    const words = await manager.log(name, 5).catch(() => []);
    return new NodectlError(daemon === 'kubelet' ? 'ND703' : 'ND702', [how, ...words].join('\n'), {cause});
  };
  try {
    await manager.restart(name);
  } catch (error) {
    throw await failed(`${name} did not start: ${describeError(error)}`, error);
  }
  const {pid} = await manager.status(name);
  for (const end = realClock.monotonic() + answerMs; realClock.monotonic() < end; await sleep(lookMs)) {
    const now = await manager.status(name);
    // Another process is its manager's second try.
    if (now.pid === undefined || now.pid !== pid)
      throw await failed(`${name} ended at once: ${now.lastExit ?? 'nobody saw how'}`);
    if (await answers(daemon, input.options)) return {name, healthy: true};
  }
  return {name, healthy: false};
}

async function answers(daemon: Daemon, {layout}: NodeOptions): Promise<boolean> {
  const ports = await portsOf(layout);
  const healthz = async (port: number) => (await getText(`http://127.0.0.1:${port}/healthz`)) !== undefined;
  switch (daemon) {
    case 'kubelet':
      return healthz(ports.kubelet);
    case 'proxy':
      return healthz(ports.proxy);
    case 'containerd':
      return (await askRuntime(layout.containerdSocket))?.ready === true;
    case 'sandbox':
      // Its service is ready when its API server answers.
      return true;
  }
}

export type LogWish = {
  /** Undefined: all that is younger. */
  readonly lines: number | undefined;
  readonly follow: boolean;
  /** Only lines of this time and later, as far as they say their time. */
  readonly sinceMs: number | undefined;
  /** How a line is shown. */
  readonly show: (line: string) => string;
};

const everyLine = 1_000_000;

export async function showDaemonLog(
  daemon: Daemon,
  input: {readonly options: NodeOptions; readonly program: readonly string[]},
  {lines = everyLine, follow, sinceMs, show}: LogWish,
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  const {manager, name} = await daemonService(daemon, input);
  const young = youngLines(sinceMs);
  const change = (line: string) => (young(line) ? show(line) : undefined);
  if (follow) return manager.follow(name, lines, eachLine(out, change), signal, sinceMs);
  for (const line of await manager.log(name, lines, sinceMs)) {
    const shown = change(line);
    if (shown !== undefined) out.write(`${shown}\n`);
  }
}

/** Our daemons write JSON, containerd logfmt; a line without a time, as of a crash, belongs to the one before it. */
function youngLines(sinceMs: number | undefined): (line: string) => boolean {
  let young = true;
  return (line) => {
    const time = /"?time"?[:=]"([^"]+)"/.exec(line)?.[1];
    if (sinceMs !== undefined && time !== undefined) young = Date.parse(time) >= sinceMs;
    return young;
  };
}
