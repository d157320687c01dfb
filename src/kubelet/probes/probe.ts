import type {Cri} from '../../edges/cri/client.ts';
import {grpcProbe} from '../../edges/network/probes/probe-grpc.ts';
import {httpProbe, type NetResult, tcpProbe} from '../../edges/network/probes/probe-net.ts';
import type {Container} from '../../lib/kubernetes.ts';
import {expand} from '../pod/config/environment/expansion.ts';
import {execProbe} from './exec.ts';
import {portNumber} from './target.ts';

export type Attempt = NetResult;

export type ProbeTarget = {
  readonly cri: Cri;
  readonly spec: NonNullable<Container['livenessProbe']>;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
};

const userAgent = 'kube-probe/1.36';

/** One try. @throws when the fault is on our side, which says nothing about the container */
export async function probeOnce(target: ProbeTarget): Promise<Attempt> {
  const {cri, spec, container, containerId, podIp} = target;
  const timeoutMs = Math.max(1, spec.timeoutSeconds ?? 1) * 1000;
  if (spec.exec !== undefined)
    return execProbe(cri, containerId, probeCommand(container, spec.exec.command), timeoutMs);
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

/** `$(NAME)` of variables with a value of their own; what comes from elsewhere is not known to probes. */
export function probeCommand({env = []}: Container, command: readonly string[] = []): string[] {
  const values = new Map(env.map(({name, value = ''}) => [name, value]));
  return command.map((word) => expand(word, (name) => values.get(name)));
}

function known(port: number, asked: unknown): number {
  if (port > 0 && port < 65_536) return port;
  throw new Error(`couldn't find port: ${String(asked)}`);
}
