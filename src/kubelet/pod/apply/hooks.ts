import type {Cri} from '../../../edges/cri/client.ts';
import {type HttpProbe, httpProbe, type NetResult} from '../../../edges/network/probes/probe-net.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import type {Clock} from '../../../lib/time.ts';
import {portNumber} from '../../probes/target.ts';
import type {PodDeps} from '../deps.ts';
import {tellPod} from './tell.ts';

export type HookHandler = NonNullable<NonNullable<Container['lifecycle']>['postStart']>;

export type HookDeps = {readonly cri: Cri; readonly clock: Clock};

export type HookTarget = {
  readonly containerId: string;
  readonly container: Container;
  readonly podIp: string;
  /** A server that was asked in HTTPS has answered in HTTP, and then in HTTP again. */
  readonly onFallback: (address: string) => void;
};

/** Tells, and counts, that a server knows no TLS. */
export function tellsFallback(
  {recorder, telemetry}: Pick<PodDeps, 'recorder' | 'telemetry'>,
  pod: Pod | undefined,
): HookTarget['onFallback'] {
  return (address) => {
    telemetry?.podCounts.hookFellBack();
    const message = `request to HTTPS lifecycle hook ${address} got HTTP response, retry with HTTP succeeded`;
    if (pod !== undefined) tellPod(recorder, pod, undefined, 'Warning', 'LifecycleHTTPFallback', message);
  };
}

/** Kubernetes gives a hook no time limit of its own; the grace period or the pod's end cuts it off. */
const noTimeout = 0;
const noHttpTimeoutMs = 2 ** 31 - 1;

/**
 * Runs a postStart or preStop handler to its end (pkg/kubelet/lifecycle/handlers.go).
 * @throws when it fails; the message is for the log: it may hold secrets of the container
 */
export async function runHook(
  {cri, clock}: HookDeps,
  handler: HookHandler,
  target: HookTarget,
  signal: AbortSignal,
): Promise<void> {
  const {exec, sleep, httpGet} = handler;
  if (exec !== undefined) return execHook(cri, exec.command ?? [], target.containerId, signal);
  if (sleep !== undefined) return pause(clock, sleep.seconds * 1000, signal);
  if (httpGet !== undefined) return httpHook(httpGet, target, signal);
  // tcpSocket was never a hook, and is still accepted by the API.
  throw new Error('invalid handler');
}

/** Any answer is a good one; a server that knows no TLS is asked again without it, and without credentials. */
async function httpHook(
  {scheme, host, port, path, httpHeaders = []}: NonNullable<HookHandler['httpGet']>,
  {container, podIp, onFallback}: HookTarget,
  signal: AbortSignal,
): Promise<void> {
  const request = {
    scheme: scheme?.toUpperCase() === 'HTTPS' ? 'https' : 'http',
    host: host || podIp,
    port: portNumber(container, port),
    path: path ?? '/',
    headers: httpHeaders.map(({name, value}) => [name, value] as const),
    userAgent: 'kube-lifecycle/1.36',
    timeoutMs: noHttpTimeoutMs,
    signal,
  } as const;
  const failure = await hookFailure(request);
  if (failure === undefined) return;
  const plain = request.headers.filter(([name]) => name.toLowerCase() !== 'authorization');
  const isPlain = failure.answered === 'plain';
  const again = isPlain ? await hookFailure({...request, scheme: 'http', headers: plain}) : failure;
  if (again !== undefined) throw new Error(failure.message);
  const name = request.host.includes(':') ? `[${request.host}]` : request.host;
  onFallback(`${name}:${request.port}`);
}

async function hookFailure(request: HttpProbe): Promise<NetResult | undefined> {
  try {
    const result = await httpProbe(request);
    return result.outcome === 'failure' && result.answered !== 'status' ? result : undefined;
  } catch {
    // It answered, and its body could not be read to the end.
    return undefined;
  }
}

async function execHook(
  cri: Cri,
  command: readonly string[],
  containerId: string,
  signal: AbortSignal,
): Promise<void> {
  const {exitCode, stdout, stderr} = await cri.runtime.execSync(
    {containerId, cmd: [...command], timeout: 0n},
    {signal, timeoutMs: noTimeout},
  );
  if (exitCode === 0) return;
  const output = new TextDecoder().decode(stderr.length > 0 ? stderr : stdout).slice(0, 1024);
  throw new Error(`command '${command.join(' ')}' exited with ${exitCode}: ${output}`);
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const giveUp = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    });
    signal.addEventListener('abort', giveUp, {once: true});
  });
}
