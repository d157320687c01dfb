import {mkdtemp, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import type {PodAgent} from '../../../../src/kubelet/agent/agent-api.ts';
import {matchRoute} from '../../../../src/kubelet/server/routes.ts';
import {checkpoint} from '../../../../src/kubelet/server/streams.ts';

let rootDir: string;
beforeEach(async () => {
  rootDir = await mkdtemp(join(tmpdir(), 'nodectl-checkpoint-'));
});
afterEach(() => rm(rootDir, {recursive: true, force: true}));

function ask(path: string, checkpointContainer: (request: object) => Promise<object>) {
  const [route = '', query = ''] = path.split('?');
  const {config} = loadKubeletConfig([], {rootDir}, 'n1');
  const agent = {
    find: (namespace: string, name: string) => (`${namespace}/${name}` === 'shop/web' ? {} : undefined),
    containerId: (...[, , container]: string[]) => (container === 'main' ? 'id-1' : undefined),
  } as unknown as PodAgent;
  const cri = {runtime: {checkpointContainer}} as unknown as Cri;
  const ms = Date.UTC(2026, 0, 2, 3, 4, 5);
  const clock = {now: () => ms, monotonic: () => ms, after: () => () => undefined};
  const user = {name: 'admin', groups: []};
  const admitted = {route: matchRoute(route), query: new URLSearchParams(query), user};
  return checkpoint(admitted, {agent, cri, config, clock});
}

it('of a container is written by the runtime into a directory of root alone', async () => {
  const write = vi.fn(async () => ({}));
  const location = `${rootDir}/checkpoints/checkpoint-web_shop-main-2026-01-02T03:04:05Z.tar`;
  expect(await ask('/checkpoint/shop/web/main?timeout=1&timeout=7', write)).toEqual({items: [location]});
  expect(write).toHaveBeenCalledWith({containerId: 'id-1', location, timeout: 7n});
  expect((await stat(`${rootDir}/checkpoints`)).mode & 0o777).toBe(0o700);
});

it.each([
  ['/checkpoint/shop/other/main', 404, 'pod does not exist'],
  ['/checkpoint/shop/web/other', 404, 'container not found ("other")'],
  ['/checkpoint/shop/web/main?timeout=x', 404, 'cannot parse value of timeout parameter'],
  ['/checkpoint/shop/web/main', 500, 'checkpointing of shop/web/main failed (no criu)'],
])('is refused: %s', async (path, httpCode, message) => {
  const refuse = () => Promise.reject(new Error('no criu'));
  await expect(ask(path, refuse)).rejects.toMatchObject({httpCode, message});
});
