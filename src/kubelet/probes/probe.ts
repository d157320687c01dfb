import {type Cri, isCriDeadline} from '../../edges/cri/client.ts';
import {grpcProbe, httpProbe, tcpProbe} from '../../edges/probe-net.ts';
import type {Container} from '../../lib/kubernetes.ts';
import {portNumber} from './target.ts';

export type Attempt = {readonly outcome: 'success' | 'warning' | 'failure'; readonly message: string};

export type ProbeTarget = {
  readonly cri: Cri;
  readonly spec: NonNullable<Container['livenessProbe']>;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
};

const userAgent = 'kube-probe/1.36';
const maxOutputBytes = 10 * 1024;
/** The runtime enforces the probe's own timeout; ours is behind it. */
const execSlackMs = 2000;

/** One try. @throws when the fault is on our side, which says nothing about the container */
export async function probeOnce(target: ProbeTarget): Promise<Attempt> {
  const {spec, container, podIp} = target;
  const timeoutMs = Math.max(1, spec.timeoutSeconds ?? 1) * 1000;
  if (spec.exec !== undefined) return exec(target, spec.exec.command ?? [], timeoutMs);
  if (spec.httpGet !== undefined) {
    const {scheme, host, port, path, httpHeaders = []} = spec.httpGet;
    return httpProbe({
      scheme: scheme?.toUpperCase() === 'HTTPS' ? 'https' : 'http',
      host: host || podIp,
      port: known(portNumber(container, port), port),
      path: path ?? '/',
      headers: httpHeaders.map(({name, value}) => [name, value]),
      userAgent,
      timeoutMs,
    });
  }
  if (spec.tcpSocket !== undefined) {
    const {host, port} = spec.tcpSocket;
    return tcpProbe(host || podIp, known(portNumber(container, port), port), timeoutMs);
  }
  if (spec.grpc !== undefined) return grpcProbe(podIp, spec.grpc.port, spec.grpc.service ?? '', timeoutMs);
  throw new Error(`missing probe handler for container ${container.name}`);
}

function known(port: number, asked: unknown): number {
  if (port > 0 && port < 65_536) return port;
  throw new Error(`couldn't find port: ${String(asked)}`);
}

async function exec(
  {cri, containerId}: ProbeTarget,
  command: readonly string[],
  timeoutMs: number,
): Promise<Attempt> {
  try {
    const {exitCode, stdout, stderr} = await cri.runtime.execSync(
      {containerId, cmd: [...command], timeout: BigInt(timeoutMs / 1000)},
      {timeoutMs: timeoutMs + execSlackMs},
    );
    const output = new TextDecoder().decode(Buffer.concat([stdout, stderr]).subarray(0, maxOutputBytes));
    return {outcome: exitCode === 0 ? 'success' : 'failure', message: output};
  } catch (error) {
    if (!isCriDeadline(error)) throw error;
    return {
      outcome: 'failure',
      message: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s`,
    };
  }
}
