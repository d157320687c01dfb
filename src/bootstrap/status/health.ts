import {defaultPorts} from '../../config/join/place.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import type {Layout} from '../../config/layout.ts';
import {sleep} from '../../edges/clock.ts';
import {readText} from '../../edges/files/files.ts';
import {getText} from '../../edges/http/http.ts';
import {loadKubeconfig} from '../../edges/kube/connection.ts';
import {isNotFound} from '../../edges/kube/errors.ts';
import {connectKube} from '../../edges/kube/http-client.ts';
import type {ServiceManager, ServiceStatus} from '../../edges/systemd/services.ts';
import {NodectlError} from '../../lib/errors.ts';
import {nodes} from '../../lib/resources.ts';
import {ownName} from '../apply/drain.ts';
import {kubeletService, proxyService} from '../preflight.ts';

export type HealthWatch = {
  readonly layout: Layout;
  readonly services: ServiceManager;
  readonly healthMs: number;
  readonly signal: AbortSignal;
};

export type SeenHealth = {
  readonly kubelet: ServiceStatus;
  readonly kubeletHealthy: boolean;
  readonly proxy: ServiceStatus;
  readonly proxyHealthy: boolean;
  /** The message of a node that is not Ready; undefined when it is, or nobody can say. */
  readonly notReady: string | undefined;
};

/** How long daemons must stay up to be called well: one that dies at its first work is not. */
const steadyMs = 3000;
const everyMs = 500;

/** @throws NodectlError ND704 with what was last seen to be wrong */
export async function awaitHealth(watch: HealthWatch, onStep: (text: string) => void): Promise<void> {
  const end = performance.now() + watch.healthMs;
  let wellSince: number | undefined;
  let last = '';
  while (performance.now() < end) {
    const seen = await seeHealth(watch);
    const ill = judgeHealth(seen);
    const failing = [seen.kubelet, seen.proxy].some((it) => it.enabled && !it.running && it.restarts >= 3);
    if (failing) throw new NodectlError('ND704', ill ?? 'the daemons do not stay up');
    if (ill === undefined) {
      wellSince ??= performance.now();
      if (performance.now() - wellSince >= steadyMs) return;
    } else {
      wellSince = undefined;
      if (ill !== last) onStep(`waiting: ${ill}`);
      last = ill;
    }
    await sleep(everyMs, watch.signal);
  }
  throw new NodectlError('ND704', last === '' ? 'the daemons do not stay up' : last);
}

/** What is wrong with the node, or undefined. */
export function judgeHealth(seen: SeenHealth): string | undefined {
  const {kubelet, proxy} = seen;
  if (!kubelet.running) return `the kubelet does not run${ended(kubelet)}`;
  if (!seen.kubeletHealthy) return 'the kubelet is not healthy';
  if (proxy.installed && proxy.enabled) {
    if (!proxy.running) return `the proxy does not run${ended(proxy)}`;
    if (!seen.proxyHealthy) return 'the proxy is not healthy';
  }
  return seen.notReady === undefined ? undefined : `the node is not Ready: ${seen.notReady}`;
}

function ended({lastExit}: ServiceStatus): string {
  return lastExit === undefined ? '' : ` (${lastExit})`;
}

async function seeHealth({layout, services}: HealthWatch): Promise<SeenHealth> {
  const ports = await portsOf(layout);
  const healthy = async (port: number) => (await getText(`http://127.0.0.1:${port}/healthz`)) !== undefined;
  const [kubelet, proxy, kubeletHealthy, proxyHealthy, notReady] = await Promise.all([
    services.status(kubeletService),
    services.status(proxyService),
    healthy(ports.kubelet),
    healthy(ports.proxy),
    readiness(layout),
  ]);
  return {kubelet, proxy, kubeletHealthy, proxyHealthy, notReady};
}

/** From the files that the daemons read. */
export async function portsOf(layout: Layout): Promise<{kubelet: number; proxy: number}> {
  const paths = kubeletPaths({layout});
  const [kubelet, proxy] = await Promise.all([readText(paths.config), readText(paths.proxyConfig)]);
  return {
    kubelet: Number(/^healthzPort: (\d+)$/m.exec(kubelet ?? '')?.[1] ?? defaultPorts.kubeletHealthz),
    proxy: Number(/^healthzBindAddress: .*:(\d+)"?$/m.exec(proxy ?? '')?.[1] ?? defaultPorts.proxyHealthz),
  };
}

/** An API server that does not answer says nothing about this node. */
async function readiness(layout: Layout): Promise<string | undefined> {
  const name = await ownName(layout);
  const connection = await loadKubeconfig(kubeletPaths({layout}).kubeconfig).catch(() => undefined);
  if (name === undefined || connection === undefined) return undefined;
  const client = connectKube(connection);
  try {
    const {status} = await client.get(nodes, {name}, {timeoutMs: 3000});
    const condition = status?.conditions?.find(({type}) => type === 'Ready');
    return condition?.status === 'True' ? undefined : (condition?.message ?? 'it says nothing');
  } catch (error) {
    return isNotFound(error) ? 'the cluster does not know it' : undefined;
  } finally {
    await client.close();
  }
}
