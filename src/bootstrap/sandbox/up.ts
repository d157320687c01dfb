import {type SandboxSettings, sandboxPaths} from '../../config/sandbox.ts';
import {realClock, sleep} from '../../edges/clock.ts';
import {getText} from '../../edges/http/http.ts';
import {findProgram} from '../../edges/install/packages.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {loadKubeconfig} from '../../edges/kube/connection.ts';
import {connectKube} from '../../edges/kube/http-client.ts';
import {converge, type Reconciler} from '../../lib/control/reconcile.ts';
import {isNodectlError, NodectlError} from '../../lib/errors.ts';
import {nodes, services} from '../../lib/resources.ts';
import {joinNode} from '../join.ts';
import type {JoinDeps, PhaseName, ProgressEvent} from '../types.ts';
import {assertFits} from './assert-fits.ts';
import {controlPlaneReconciler} from './control-plane.ts';
import {helloReconciler, helloUrl, helloWaitsFor} from './hello.ts';
import {joinInput} from './join-input.ts';
import {type NodeLine, nodeLine} from './node-line.ts';
import {sandboxServices} from './services.ts';

export type SandboxPhase = 'control-plane' | PhaseName | 'hello';

export type SandboxUpDeps = Omit<JoinDeps, 'onEvent'> & {
  readonly onEvent: (event: ProgressEvent<SandboxPhase>) => void;
};

export type SandboxUpResult = {
  readonly kubeconfig: string;
  readonly node: NodeLine;
  /** http://CLUSTERIP/ and what came back. */
  readonly hello: {readonly url: string; readonly answer: string};
  /** Changes of the machine or the cluster; 0 when everything was in place. */
  readonly changes: number;
  /** Whether this machine has a kubectl. */
  readonly kubectl: boolean;
};

const controlPlaneMs = 120_000;
const helloMs = 120_000;

/**
 * Starts the control plane, joins this machine to it as `nodectl join` does, and proves it by an HTTP request
 * through a ClusterIP. Whatever is there already is left as it is.
 */
export async function sandboxUp(settings: SandboxSettings, deps: SandboxUpDeps): Promise<SandboxUpResult> {
  await assertFits(settings, deps);
  const started = await startControlPlane(settings, deps);
  const client = connectKube(await loadKubeconfig(sandboxPaths(settings).adminKubeconfig));
  try {
    const joined = await joinNode(await joinInput(settings, client), deps);
    const proved = await proveHello(client, deps);
    const node = nodeLine(await client.get(nodes, {name: settings.nodeName}));
    const kubectl = (await findProgram('kubectl')) !== undefined;
    const changes = started + joined.changes + proved.changes;
    return {kubeconfig: sandboxPaths(settings).adminKubeconfig, node, hello: proved.hello, changes, kubectl};
  } finally {
    await client.close();
  }
}

async function startControlPlane(settings: SandboxSettings, deps: SandboxUpDeps): Promise<number> {
  const manager = await sandboxServices(settings, deps.program);
  const reconciler = controlPlaneReconciler({
    settings,
    services: manager,
    program: deps.program,
    ready: () => isReady(settings),
  });
  return step(
    'control-plane',
    'Start the control plane',
    reconciler,
    (act) => act.kind.replace('-', ' '),
    controlPlaneMs,
    deps,
    () => new NodectlError('ND803', `it did not become ready within ${controlPlaneMs / 1000} s`),
  );
}

/** The admin's kubeconfig appears with the first start; before that nothing can be ready. */
async function isReady(settings: SandboxSettings): Promise<boolean> {
  try {
    const client = connectKube(await loadKubeconfig(sandboxPaths(settings).adminKubeconfig));
    try {
      await client.get(services, {name: 'kube-dns', namespace: 'kube-system'}, {timeoutMs: 2000});
      return true;
    } finally {
      await client.close();
    }
  } catch {
    return false;
  }
}

async function proveHello(
  client: KubeClient,
  deps: SandboxUpDeps,
): Promise<{changes: number; hello: SandboxUpResult['hello']}> {
  let waiting = '';
  let hello = {url: '', answer: ''};
  const inner = helloReconciler({client, get: getText});
  const reconciler: typeof inner = {
    ...inner,
    async observe(key, signal) {
      const seen = await inner.observe(key, signal);
      const next = helloWaitsFor(seen);
      if (next !== waiting) deps.onEvent({kind: 'wait', phase: 'hello', text: next});
      waiting = next;
      hello = {url: helloUrl(seen.service) ?? '', answer: (seen.answer ?? '').trim()};
      return seen;
    },
  };
  const changes = await step(
    'hello',
    'Ask two hello pods through their Service',
    reconciler,
    (act) => act.kind.replace('-', ' '),
    helloMs,
    deps,
    () => new NodectlError('ND804', `still waiting for ${waiting} after ${helloMs / 1000} s`),
  );
  return {changes, hello};
}

/** Converges one phase and tells what it does. */
async function step<Seen, Act>(
  phase: SandboxPhase,
  title: string,
  reconciler: Reconciler<Seen, Act>,
  describe: (act: Act) => string,
  waitMs: number,
  deps: SandboxUpDeps,
  late: () => NodectlError,
): Promise<number> {
  const started = performance.now();
  deps.onEvent({kind: 'phase', phase, title});
  try {
    const acts = await converge<Seen, Act>(reconciler, phase, {
      sleep,
      monotonic: realClock.monotonic,
      deadlineMs: started + waitMs,
      signal: deps.signal,
      onAct: (act) => deps.onEvent({kind: 'act', phase, text: describe(act)}),
    });
    deps.onEvent({kind: 'done', phase, acts, ms: Math.round(performance.now() - started)});
    return acts;
  } catch (error) {
    throw isNodectlError(error, 'ND902') ? late() : error;
  }
}
