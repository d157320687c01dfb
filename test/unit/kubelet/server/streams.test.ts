import {expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import type {PodAgent} from '../../../../src/kubelet/agent/agent-api.ts';
import {PodStore} from '../../../../src/kubelet/api/pod-store.ts';
import {queries} from '../../../../src/kubelet/api/queries.ts';
import type {RuntimeContainer} from '../../../../src/kubelet/pod/status/runtime-state.ts';
import type {PodWorkers} from '../../../../src/kubelet/pod/worker.ts';
import type {RuntimeCache} from '../../../../src/kubelet/runtime/cache.ts';
import {matchRoute} from '../../../../src/kubelet/server/routes.ts';
import {runCommand, streamUrl} from '../../../../src/kubelet/server/streams.ts';
import {container, exited, pod, record} from '../pod/fixtures.ts';

/** What the runtime is asked for. */
async function ask(path: string, has: readonly RuntimeContainer[], tty?: boolean): Promise<unknown> {
  const {config} = loadKubeletConfig([], {}, 'n1');
  const store = new PodStore();
  store.put(pod({containers: [container('main', tty === undefined ? {} : {tty})]}), false);
  const runtime = {peek: () => ({sandboxes: [], containers: has})} as unknown as RuntimeCache;
  const workers = {status: () => undefined} as unknown as PodWorkers;
  const agent = queries({config, store, workers, runtime}) as unknown as PodAgent;
  let asked: unknown;
  const told = async (request: unknown) => {
    asked = request;
    return {url: '', exitCode: 3, stdout: Buffer.from('out'), stderr: Buffer.from('no such file')};
  };
  const cri = {runtime: {exec: told, attach: told, execSync: told}} as unknown as Cri;
  const [route = '', query = ''] = path.split('?');
  const streaming = {route: matchRoute(route), query: new URLSearchParams(query)};
  if (route.startsWith('/run')) await runCommand(streaming, {agent, cri});
  else await streamUrl(streaming, {agent, cri});
  return asked;
}

it.each([
  'exec/default/web/main?command=sh&input=1',
  'attach/default/web/main?input=1',
  'run/default/web/main?cmd=sh',
])('has nothing to offer of a container that does not run: /%s', async (path) => {
  const refused = {httpCode: 404, message: 'container not found ("main")'};
  await expect(ask(`/${path}`, [exited('main', 1)])).rejects.toMatchObject(refused);
  await expect(ask(`/${path}`, [record('main', {state: 'created'})])).rejects.toMatchObject(refused);
});

/** Kubelet.GetAttach: whether a process has a terminal was decided at its start. */
it.each([
  ['input=1&output=1&error=1', true, {stdin: true, stdout: true, stderr: false, tty: true}],
  ['input=1&output=1&error=1', false, {stdin: true, stdout: true, stderr: true, tty: false}],
  ['output=1&tty=1', undefined, {stdin: false, stdout: true, stderr: false, tty: false}],
] as const)('attaches with %s where the container has tty: %s', async (query, tty, is) => {
  expect(await ask(`/attach/default/web/main?${query}`, [record('main')], tty)).toMatchObject(is);
});

it('says how a command ended that failed', async () => {
  await expect(ask('/run/default/web/main?cmd=ls+/x', [record('main')])).rejects.toMatchObject({
    httpCode: 500,
    message: "command 'ls /x' exited with 3: no such file",
  });
});
