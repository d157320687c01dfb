import type {Cri} from '../../../edges/cri/client.ts';
import {httpProbe} from '../../../edges/network/probe-net.ts';
import type {Container} from '../../../lib/kubernetes.ts';
import type {Clock} from '../../../lib/time.ts';
import {portNumber} from '../../probes/target.ts';

export type HookHandler = NonNullable<NonNullable<Container['lifecycle']>['postStart']>;

export type HookDeps = {readonly cri: Cri; readonly clock: Clock};

/** Kubernetes gives an exec hook no time limit of its own; the grace period or the pod's end cuts it off. */
const noTimeout = 0;
const httpTimeoutMs = 60_000;

/**
 * Runs a postStart or preStop handler to its end (pkg/kubelet/lifecycle/handlers.go).
 * @throws when it fails; the message is for the event
 */
export async function runHook(
  {cri, clock}: HookDeps,
  handler: HookHandler,
  target: {readonly containerId: string; readonly container: Container; readonly podIp: string},
  signal: AbortSignal,
): Promise<void> {
  if (handler.exec !== undefined)
    return execHook(cri, handler.exec.command ?? [], target.containerId, signal);
  if (handler.sleep !== undefined) return pause(clock, handler.sleep.seconds * 1000, signal);
  const {httpGet} = handler;
  if (httpGet === undefined) return;
  const result = await httpProbe({
    scheme: httpGet.scheme?.toUpperCase() === 'HTTPS' ? 'https' : 'http',
    host: httpGet.host || target.podIp,
    port: portNumber(target.container, httpGet.port),
    path: httpGet.path ?? '/',
    headers: (httpGet.httpHeaders ?? []).map(({name, value}) => [name, value]),
    userAgent: 'kube-lifecycle/1.36',
    timeoutMs: httpTimeoutMs,
    signal,
  });
  if (result.outcome === 'failure') throw new Error(result.message);
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
