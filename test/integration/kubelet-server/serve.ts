/**
 * The :10250 server alone, as a process in the runtime's network namespace: pods are what the runtime has, and the
 * API server is a function that knows a few tokens. Options are JSON in argv; SIGHUP takes the second certificate.
 */
import {readFileSync} from 'node:fs';
import {loadKubeletConfig} from '../../../src/config/kubelet.ts';
import {realClock} from '../../../src/edges/clock.ts';
import {connectCri} from '../../../src/edges/cri/client.ts';
import type {KubeClient} from '../../../src/edges/kube/client.ts';
import {keepHeapSmall} from '../../../src/edges/machine/heap.ts';
import type {PodAgent} from '../../../src/kubelet/agent/agent-api.ts';
import type {PodRuntime} from '../../../src/kubelet/pod/status/runtime-state.ts';
import {createMetrics} from '../../../src/kubelet/server/pages/metrics.ts';
import {startKubeletServer, startReadOnlyServer} from '../../../src/kubelet/server/server.ts';
import {Telemetry} from '../../../src/kubelet/stats/metrics/telemetry.ts';
import {startStats} from '../../../src/kubelet/stats/stats.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';

export type ServeOptions = {
  readonly endpoint: string;
  readonly configText: string;
  readonly pod: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly sandboxId: string;
  };
  /** Container ids by name. */
  readonly containers: Readonly<Record<string, string>>;
  readonly logs: Readonly<Record<string, string>>;
  readonly tls: {readonly cert: string; readonly key: string; readonly clientCa: string};
  readonly nextTls: {readonly cert: string; readonly key: string};
};

// As the kubelet does (commands/kubelet.ts).
keepHeapSmall({growthPercent: 30, compilers: 'but the highest', youngGrowth: 2});

const [file = ''] = process.argv.slice(2);
const options: ServeOptions = JSON.parse(readFileSync(file, 'utf8'));
const {pod, containers} = options;

const thePod: Pod = {
  metadata: {name: pod.name, namespace: pod.namespace, uid: pod.uid, resourceVersion: '1'},
  spec: {containers: Object.keys(containers).map((name) => ({name}))},
  status: {
    phase: 'Running',
    containerStatuses: Object.entries(containers).map(([name, id]) => ({
      name,
      image: '',
      imageID: '',
      ready: true,
      restartCount: 0,
      containerID: `containerd://${id}`,
      state: {running: {}},
    })),
  },
};
const isOurs = (namespace: string, name: string, uid?: string) =>
  namespace === pod.namespace && name === pod.name && (uid === undefined || uid === pod.uid);

const runtime: PodRuntime = {
  sandboxes: [
    {
      id: pod.sandboxId,
      name: pod.name,
      namespace: pod.namespace,
      attempt: 0,
      ready: true,
      createdAtMs: 0,
      ips: [],
      hostNetwork: false,
    },
  ],
  containers: Object.entries(containers).map(([name, id]) => ({
    id,
    name,
    sandboxId: pod.sandboxId,
    attempt: 0,
    state: 'running',
    createdAtMs: 0,
    startedAtMs: 1,
    finishedAtMs: 0,
    exitCode: 0,
    reason: '',
    message: '',
    image: '',
    imageRef: '',
    logPath: '',
    annotations: {},
    user: undefined,
  })),
};

const agent: PodAgent = {
  synced: Promise.resolve(),
  pods: () => [thePod],
  find: (namespace, name, uid) => (isOurs(namespace, name, uid) ? thePod : undefined),
  containerId: (namespace, name, container, uid) =>
    isOurs(namespace, name, uid) ? containers[container] : undefined,
  sandboxId: (namespace, name, uid) => (isOurs(namespace, name, uid) ? pod.sandboxId : undefined),
  logPath: (_namespace, _name, container) => options.logs[container],
  working: () => [],
  mirrors: () => 0,
  runtimeReady: () => ({ok: true, seen: true, reason: '', networkReady: true}),
  allocated: () => ({pods: 1, cpuMilli: 0, memoryBytes: 0}),
  active: () => [],
  runtimeOf: () => runtime,
  volumeUsage: async () => new Map(),
  end() {},
  retry() {},
  isCleanedUp: () => true,
  isOver: () => true,
  reclaim: async () => undefined,
  stop: async () => undefined,
};

type Review = {spec: {token?: string; user?: string; groups?: string[]; resourceAttributes?: {verb: string}}};

/** `admin` may everything, `reader` may get, `nobody` nothing; reviews of `broken` fail, those of `stuck` hang. */
async function answer(_method: string, path: string, body?: object): Promise<unknown> {
  const {spec} = JSON.parse(JSON.stringify(body)) as Review;
  if (path.endsWith('tokenreviews')) {
    if (spec.token === 'broken') throw new Error('503 from the API server');
    const known = ['admin', 'reader', 'nobody', 'unsure'].includes(spec.token ?? '');
    return {status: known ? {authenticated: true, user: {username: spec.token, groups: []}} : {}};
  }
  if (spec.user === 'unsure') throw new Error('500 from the API server');
  const {verb} = spec.resourceAttributes ?? {verb: ''};
  const allowed =
    spec.user === 'admin' ||
    spec.groups?.includes('system:masters') ||
    (spec.user === 'reader' && verb === 'get');
  return {status: {allowed}};
}

const client = new Proxy(
  {},
  {get: (_target, name) => (name === 'request' ? answer : undefined)},
) as KubeClient;
const {config} = loadKubeletConfig([{path: '/config.yaml', text: options.configText}], {}, 'n1');
const cri = connectCri(options.endpoint);
const parts = {config, cri, clock: realClock, log: silent};
const stats = await startStats({...parts, pods: agent.pods, runtimeOf: agent.runtimeOf});
const telemetry = new Telemetry(0);
const served = {
  ...parts,
  client,
  agent,
  stats,
  telemetry,
  metrics: createMetrics({config, agent, stats, telemetry}),
  health: {ping: () => undefined, log: () => undefined, syncloop: () => undefined},
};
const server = await startKubeletServer({...served, tls: options.tls});
const readOnly = config.readOnlyPort === 0 ? undefined : await startReadOnlyServer(served);
process.on('SIGHUP', () => server.replaceTls({...options.nextTls, clientCa: options.tls.clientCa}));
process.on('SIGTERM', () => {
  void Promise.all([server.close(), readOnly?.close()]).then(() => process.exit(0));
});
process.stdout.write(`ready ${server.port}\n`);
