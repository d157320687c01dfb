import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {isCriNotFound} from '../../edges/cri/client.ts';
import {makeDirectory} from '../../edges/files/files.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import {type Clock, timestamp} from '../../lib/time.ts';
import type {PodAgent} from '../agent/agent-api.ts';
import {Refusal} from './auth/refusal.ts';
import type {Route} from './routes.ts';

export type StreamOptions = {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
};

/** What of stdin, stdout and stderr is wanted (kubelet/pkg/cri/streaming/remotecommand NewOptions). */
export function parseStreamOptions(query: URLSearchParams): StreamOptions {
  const tty = query.get('tty') === '1';
  const stdin = query.get('input') === '1';
  const stdout = query.get('output') === '1';
  // A terminal has one output.
  const stderr = query.get('error') === '1' && !tty;
  if (!stdin && !stdout && !stderr)
    throw new Refusal(400, 'you must specify at least 1 of stdin, stdout, stderr');
  return {stdin, stdout, stderr, tty};
}

/** Ports of a WebSocket port-forward; SPDY tells its ports in the streams (portforward NewV4Options). */
export function parsePorts(query: URLSearchParams): number[] {
  return query
    .getAll('port')
    .flatMap((value) => value.split(','))
    .filter((text) => text !== '')
    .map((text) => {
      const port = Number(text);
      if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
        throw new Refusal(400, `unable to parse ${JSON.stringify(text)} as a port`);
      return port;
    });
}

type Streaming = {readonly route: Route; readonly query: URLSearchParams};
type Parts = {readonly agent: PodAgent; readonly cri: Cri};

/** Asks the runtime for the one-time address at which it serves this stream. */
export async function streamUrl({route, query}: Streaming, {agent, cri}: Parts): Promise<string> {
  const {namespace = '', pod = '', uid, container = ''} = route.parameters;
  const found = requirePod(agent, namespace, pod, uid);
  try {
    switch (route.endpoint) {
      case 'exec': {
        const options = parseStreamOptions(query);
        const containerId = requireContainer(agent, route);
        const cmd = query.getAll('command');
        return (await cri.runtime.exec({containerId, cmd, ...options})).url;
      }
      case 'attach': {
        const options = {...parseStreamOptions(query), tty: hasTerminal(found, container)};
        const stderr = options.stderr && !options.tty;
        const containerId = requireContainer(agent, route);
        return (await cri.runtime.attach({containerId, ...options, stderr})).url;
      }
      case 'port-forward': {
        const podSandboxId = agent.sandboxId(namespace, pod, uid);
        if (podSandboxId === undefined) throw new Refusal(404, `pod "${pod}" has no sandbox that is ready`);
        return (await cri.runtime.portForward({podSandboxId, port: parsePorts(query)})).url;
      }
      default:
        throw new Refusal(404, `no stream for ${container}`);
    }
  } catch (error) {
    throw runtimeRefusal(error);
  }
}

/** `/run`: a command with its output as the answer's body; words are separated by spaces, as upstream has it. */
export async function runCommand({route, query}: Streaming, {agent, cri}: Parts): Promise<Buffer> {
  const {namespace = '', pod = '', uid} = route.parameters;
  requirePod(agent, namespace, pod, uid);
  const containerId = requireContainer(agent, route);
  const cmd = (query.get('cmd') ?? '').split(' ').filter((word) => word !== '');
  if (cmd.length === 0) throw new Refusal(400, 'no command was given');
  try {
    const {stdout, stderr, exitCode} = await cri.runtime.execSync({containerId, cmd, timeout: runSeconds});
    if (exitCode === 0) return Buffer.concat([stdout, stderr]);
    const words = new TextDecoder().decode(stderr);
    throw new Refusal(500, `command '${cmd.join(' ')}' exited with ${exitCode}: ${words}`);
  } catch (error) {
    throw runtimeRefusal(error);
  }
}

/**
 * The state of a running container in a file that the runtime writes, if it can (kubelet.go, CheckpointContainer).
 * Such files fill the disk of who asks again and again: only the right to `nodes/checkpoint` allows it (CVE-2025-0426).
 */
export async function checkpoint(
  {route, query}: Streaming,
  {agent, cri, config, clock}: Parts & {readonly config: KubeletConfig; readonly clock: Clock},
): Promise<{readonly items: readonly string[]}> {
  const {namespace = '', pod = '', container = ''} = route.parameters;
  requirePod(agent, namespace, pod, undefined);
  const seconds = query.getAll('timeout').at(-1) ?? '0';
  if (!/^\d{1,9}$/.test(seconds)) throw new Refusal(404, 'cannot parse value of timeout parameter');
  const containerId = requireContainer(agent, route);
  const name = `checkpoint-${pod}_${namespace}-${container}-${timestamp(clock.now())}.tar`;
  const location = `${config.rootDir}/checkpoints/${name}`;
  try {
    await makeDirectory(`${config.rootDir}/checkpoints`, 0o700);
    await cri.runtime.checkpointContainer({containerId, location, timeout: BigInt(seconds)});
  } catch (error) {
    const what = `checkpointing of ${namespace}/${pod}/${container} failed (${describeError(error)})`;
    throw new Refusal(500, what, error);
  }
  return {items: [location]};
}

/** A command that does not end must not hold its connection for ever; CRI counts in seconds. */
const runSeconds = 120n;

function requirePod(agent: PodAgent, namespace: string, pod: string, uid: string | undefined): Pod {
  const found = agent.find(namespace, pod, uid);
  if (found === undefined) throw new Refusal(404, 'pod does not exist');
  return found;
}

/** Whether a process runs in a terminal was decided at its start; whoever attaches cannot have it another way. */
function hasTerminal({spec}: Pod, name: string): boolean {
  const {containers, initContainers = [], ephemeralContainers = []} = spec;
  return [...containers, ...initContainers, ...ephemeralContainers].some((c) => c.name === name && c.tty);
}

function requireContainer(agent: PodAgent, {parameters}: Route): string {
  const {namespace = '', pod = '', uid, container = ''} = parameters;
  const id = agent.containerId(namespace, pod, container, uid);
  if (id === undefined) throw new Refusal(404, `container not found ("${container}")`);
  return id;
}

function runtimeRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal(isCriNotFound(error) ? 404 : 500, describeError(error), error);
}
