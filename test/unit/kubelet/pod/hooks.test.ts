import {createServer, type IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import {afterEach, describe, expect, it} from 'vitest';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import {type HookHandler, runHook} from '../../../../src/kubelet/pod/apply/hooks.ts';
import {container} from './fixtures.ts';

/** Kubernetes' own cases of lifecycle handlers (lifecycle/handlers_test.go), by their meaning. */
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server that answers with a status, and what it was asked. */
async function serving(status: number) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    response.writeHead(status, {connection: 'close'}).end('said');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(() => resolve())));
  return {port: (server.address() as AddressInfo).port, asked};
}

function run(handler: HookHandler, exitCode = 0, ports: {name: string; containerPort: number}[] = []) {
  const asked: unknown[] = [];
  const fallbacks: string[] = [];
  const execSync = async (request: unknown) => {
    asked.push(request);
    return {exitCode, stdout: new TextEncoder().encode('out'), stderr: new Uint8Array()};
  };
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (ms: number, fn: () => void) => {
      const timer = setTimeout(fn, ms);
      return () => clearTimeout(timer);
    },
  };
  const deps = {cri: {runtime: {execSync}} as unknown as Cri, clock};
  const target = {
    containerId: 'id',
    container: container('main', {ports}),
    podIp: '127.0.0.1',
    onFallback: (address: string) => fallbacks.push(address),
  };
  return {asked, fallbacks, done: runHook(deps, handler, target, new AbortController().signal)};
}

describe('an exec hook', () => {
  it('runs its command as it is, without a limit', async () => {
    const {asked, done} = run({exec: {command: ['ls', '$(HOME)']}});
    await done;
    expect(asked).toEqual([{containerId: 'id', cmd: ['ls', '$(HOME)'], timeout: 0n}]);
  });

  it('fails with its command', async () => {
    await expect(run({exec: {command: ['ls', '-a']}}, 3).done).rejects.toThrow(
      "command 'ls -a' exited with 3: out",
    );
  });
});

describe('an HTTP hook', () => {
  it('asks the pod, with its headers and its own name', async () => {
    const {port, asked} = await serving(200);
    const httpHeaders = [{name: 'Foo', value: 'bar'}];
    await run({httpGet: {port, path: 'hook?x=y', httpHeaders}}).done;
    expect(asked.map(({url, headers}) => [url, headers.foo, headers['user-agent']])).toEqual([
      ['/hook?x=y', 'bar', 'kube-lifecycle/1.36'],
    ]);
  });

  it('finds a port by its name', async () => {
    const {port, asked} = await serving(200);
    await run({httpGet: {port: 'web', host: '127.0.0.1'}}, 0, [{name: 'web', containerPort: port}]).done;
    expect(asked).toHaveLength(1);
  });

  it.each([200, 302, 404, 500])('takes any answer for a good one: %i', async (status) => {
    const {port} = await serving(status);
    await expect(run({httpGet: {port}}).done).resolves.toBeUndefined();
  });

  it('asks again without TLS, and without credentials, where the server has none', async () => {
    const {port, asked} = await serving(200);
    const httpHeaders = [
      {name: 'Authorization', value: 'secret'},
      {name: 'Foo', value: 'bar'},
    ];
    const {done, fallbacks} = run({httpGet: {port, scheme: 'HTTPS', httpHeaders}});
    await done;
    expect(fallbacks).toEqual([`127.0.0.1:${port}`]);
    expect(asked.map(({headers}) => [headers.foo, headers.authorization])).toEqual([['bar', undefined]]);
  });

  it('fails where nobody answers', async () => {
    const {port} = await serving(200);
    await closing.pop()?.();
    await expect(run({httpGet: {port}}).done).rejects.toThrow(/connect: connection refused$/);
    await expect(run({httpGet: {port: 'unknown'}}).done).rejects.toThrow();
  });
});

it('a sleep may be as short as nothing', async () => {
  await expect(run({sleep: {seconds: 0}}).done).resolves.toBeUndefined();
});

it('a hook of no known kind fails', async () => {
  await expect(run({}).done).rejects.toThrow('invalid handler');
  await expect(run({tcpSocket: {port: 1}}).done).rejects.toThrow('invalid handler');
});
