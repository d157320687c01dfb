import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import type {PodAgent} from '../../../../src/kubelet/agent/agent-api.ts';
import {PodStore} from '../../../../src/kubelet/api/pod-store.ts';
import {queries} from '../../../../src/kubelet/api/queries.ts';
import type {RuntimeContainer} from '../../../../src/kubelet/pod/status/runtime-state.ts';
import type {PodWorkers} from '../../../../src/kubelet/pod/worker.ts';
import type {RuntimeCache} from '../../../../src/kubelet/runtime/cache.ts';
import {createEndpoints, type EndpointParts} from '../../../../src/kubelet/server/endpoints.ts';
import {matchRoute} from '../../../../src/kubelet/server/routes.ts';
import type {ContainerStatus} from '../../../../src/lib/kubernetes.ts';
import {exited, pod, record} from '../pod/fixtures.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nodectl-which-log-'));
  mkdirSync(join(root, 'main'));
});
afterEach(() => rmSync(root, {recursive: true}));

/** Runs of the container, the newest first; each has written its number. */
function runs(...records: readonly RuntimeContainer[]): RuntimeContainer[] {
  return records.map((one) => {
    const logPath = join(root, 'main', `${one.attempt}.log`);
    writeFileSync(logPath, `2026-01-01T00:00:00Z stdout F run ${one.attempt}\n`);
    return {...one, logPath};
  });
}

const run = (attempt: number, code?: number, rest: Partial<RuntimeContainer> = {}) =>
  code === undefined
    ? record('main', {id: `main-${attempt}`, attempt, ...rest})
    : exited('main', code, {id: `main-${attempt}`, attempt, ...rest});

const ended = (attempt: number) => ({terminated: {exitCode: 1, containerID: `containerd://main-${attempt}`}});

/** What the server answers for the log of `main`. */
async function ask(status: Partial<ContainerStatus>, containers: RuntimeContainer[], query: string) {
  const config = {...loadKubeletConfig([], {}, 'n1').config, podLogsDir: root};
  const store = new PodStore();
  const told = {name: 'main', image: '', imageID: '', ready: false, restartCount: 3, ...status};
  store.put({...pod(), status: {containerStatuses: [told]}}, false);
  const runtime = {
    peek: () => ({sandboxes: [], containers}),
    podOf: (id: string) => (containers.some((one) => one.id === id) ? 'uid-1' : undefined),
  } as unknown as RuntimeCache;
  const workers = {status: () => undefined} as unknown as PodWorkers;
  const agent = queries({config, store, workers, runtime}) as unknown as PodAgent;
  const clock = {now: () => Date.now(), monotonic: () => 0, after: () => () => undefined};
  const serve = createEndpoints({config, agent, clock} as unknown as EndpointParts);
  const path = '/containerLogs/default/web/main';
  const admitted = {
    route: matchRoute(path),
    query: new URLSearchParams(query),
    user: {name: 'admin', groups: []},
  };
  const server = createServer((request, response) => {
    serve(admitted, request, response).catch((error) => response.end(String(error.message)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const {port} = server.address() as AddressInfo;
    return await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  } finally {
    server.close();
  }
}

const waits = {waiting: {reason: 'CrashLoopBackOff'}};
const none = 'previous terminated container "main" in pod "web" not found';

/** kubelet_test.go, TestValidateContainerLogStatus, with what the runtime has. */
it.each([
  {
    is: 'that runs, and its last run',
    status: {state: {running: {}}, containerID: 'containerd://main-3', lastState: ended(2)},
    has: [run(3), run(2, 1)],
    logs: ['run 3\n', 'run 2\n'],
  },
  {
    is: 'that runs for the first time',
    status: {state: {running: {}}, containerID: 'containerd://main-0'},
    has: [run(0)],
    logs: ['run 0\n', none],
  },
  {
    is: 'that waits for its next try: its last run is the previous one, too',
    status: {state: waits, lastState: ended(3)},
    has: [run(3, 1), run(2, 1)],
    logs: ['run 3\n', 'run 3\n'],
  },
  {
    is: 'the same after its older runs have gone',
    status: {state: waits, lastState: ended(3)},
    has: [run(3, 1)],
    logs: ['run 3\n', 'run 3\n'],
  },
  {
    is: 'that was made and could not be started: what ran before it',
    status: {state: {waiting: {reason: 'RunContainerError'}}, lastState: ended(2)},
    has: [run(3, undefined, {state: 'created'}), run(2, 1)],
    logs: ['run 2\n', 'run 2\n'],
  },
  {
    is: 'that has ended for good, once',
    status: {state: ended(3)},
    has: [run(3, 1)],
    logs: ['run 3\n', none],
  },
])('of a container $is', async ({status, has, logs}) => {
  const containers = runs(...has);
  expect(await ask(status, containers, '')).toBe(logs[0]);
  expect(await ask(status, containers, 'previous=true')).toBe(logs[1]);
});
