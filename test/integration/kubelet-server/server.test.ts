import {mkdtemp, rename, rm, symlink, writeFile} from 'node:fs/promises';
import {get} from 'node:http';
import {connect} from 'node:net';
import {basename, join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type WebSocket from 'ws';
import {until} from '../support/wait.ts';
import {commonName, type Fixture, inside, startFixture} from './fixture.ts';
import {openExec, openForward} from './open.ts';

let it10250: Fixture;
beforeAll(async () => {
  it10250 = await startFixture('streamingConnectionIdleTimeout: 3s\nreadOnlyPort: 10255\n');
});
afterAll(() => it10250?.remove());

const exec = (command: string, container = 'shell') =>
  `/exec/default/web/${container}?output=1&error=1&command=sh&command=-c&command=${encodeURIComponent(command)}`;

/** Frames of a channel protocol (`v4.channel.k8s.io`): the first byte is the channel. */
function collect(socket: WebSocket) {
  const channels = new Map<number, string>();
  socket.on('message', (data: Buffer) => {
    const channel = data[0] ?? 0;
    channels.set(channel, (channels.get(channel) ?? '') + data.subarray(1).toString());
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('error', () => resolve());
  });
  return {channels, closed};
}

/** How a refused handshake was answered. */
function refusal(socket: WebSocket): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    socket.once('open', () => reject(new Error('the handshake was accepted')));
    socket.once('error', reject);
  });
}

const paths = [
  '/',
  '/pods',
  '/runningpods/',
  '/healthz',
  '/healthz/ping',
  '/configz',
  '/metrics',
  '/metrics/resource',
  '/metrics/cadvisor',
  '/metrics/probes',
  '/metrics/slis',
  '/statusz',
  '/flagz',
  '/stats/summary',
  '/logs/',
  '/containerLogs/default/web/shell',
  '/exec/default/web/shell?command=id&output=1',
  '/attach/default/web/shell?output=1',
  '/run/default/web/shell?cmd=id',
  '/portForward/default/web',
  '/checkpoint/default/web/shell',
  '/debug/pprof/heap',
];

/** Below the machine's own: a log, a link to it, and one that leads out. */
async function logDirectory() {
  const path = await mkdtemp('/var/log/nodectl-test-');
  await writeFile(`${path}/a.log`, 'first\n');
  await symlink('a.log', `${path}/link.log`);
  await symlink('/etc/hostname', `${path}/out`);
  return {name: basename(path), [Symbol.asyncDispose]: () => rm(path, {recursive: true})};
}

describe('readOnlyPort', () => {
  const ask = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    new Promise<number>((resolve, reject) => {
      get({host: inside, port: 10255, path, headers}, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      }).once('error', reject);
    });

  it.each(['/healthz', '/pods', '/metrics', '/metrics/cadvisor', '/metrics/resource', '/stats/summary'])(
    'shows %s to everybody',
    async (path) => {
      expect(await ask(path)).toBe(200);
      expect(await ask(path, {Authorization: 'Bearer unknown'})).toBe(200);
    },
  );

  it.each([
    ['/exec/default/web/shell?command=id&output=1', 405],
    ['/portForward/default/web?port=8080', 405],
    ['/containerLogs/default/web/shell', 405],
    ['/configz', 404],
    ['/runningpods/', 405],
    ['/logs/', 405],
    ['/flagz', 404],
    ['/debug/pprof/profile', 405],
    ['/debug/flags/v', 404],
  ])('does not do %s for anybody', async (path, code) => {
    expect(await ask(path)).toBe(code);
    expect(await ask(path, {Connection: 'Upgrade', Upgrade: 'websocket'})).toBe(code);
  });
});

describe('who may ask', () => {
  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'nobody without credentials: %s',
    async (method) => {
      for (const path of paths) {
        const {code, body} = await it10250.ask(path, {method});
        expect([path, code, body]).toEqual([path, 401, 'Unauthorized']);
      }
    },
  );

  it('nobody with an unknown token, a stranger’s certificate, or when tokens cannot be reviewed', async () => {
    for (const how of [{token: 'unknown'}, {cert: it10250.stranger}, {token: 'broken'}])
      for (const path of paths) expect((await it10250.ask(path, how)).code).toBe(401);
  });

  it('nobody who is known but not allowed, or about whom the API server does not answer', async () => {
    for (const path of paths) {
      expect((await it10250.ask(path, {token: 'nobody'})).code).toBe(403);
      expect((await it10250.ask(path, {token: 'unsure'})).code).toBe(500);
    }
  });

  it('runs nothing for who may only get, whatever the method or the protocol', async () => {
    expect((await it10250.ask('/pods', {token: 'reader'})).code).toBe(200);
    for (const path of paths.filter((p) => /^\/(exec|attach|run|portForward)\//.test(p))) {
      expect((await it10250.ask(path, {token: 'reader'})).code).toBe(403);
      expect(await refusal(it10250.socket(path, 'v4.channel.k8s.io', {token: 'reader'}))).toBe(403);
      expect(await refusal(it10250.socket(path, 'v4.channel.k8s.io'))).toBe(401);
    }
  });

  it('a client certificate of the cluster’s CA', async () => {
    expect((await it10250.ask('/healthz', {cert: it10250.masters})).body).toBe('ok');
  });

  it('never redirects, and says 404 and 405 only to who may know', async () => {
    for (const path of paths) {
      const {code, headers} = await it10250.ask(path, {token: 'admin'});
      expect(headers.location).toBeUndefined();
      expect(code).toBeLessThan(501);
    }
    expect((await it10250.ask('/nothing', {token: 'admin'})).code).toBe(404);
    expect((await it10250.ask('/pods', {token: 'admin', method: 'POST'})).code).toBe(405);
  });
});

describe('what is told', () => {
  const admin = {token: 'admin'};
  it('pods, the running ones and the configuration', async () => {
    const pods = JSON.parse((await it10250.ask('/pods', admin)).body);
    expect(pods).toMatchObject({kind: 'PodList', items: [{metadata: {name: 'web'}}]});
    const running = JSON.parse((await it10250.ask('/runningpods/', admin)).body);
    expect(running.items[0]).toMatchObject({
      metadata: {name: 'web', namespace: 'default', uid: 'uid-1'},
      spec: {containers: expect.arrayContaining([expect.objectContaining({name: 'shell'})])},
    });
    const {kubeletconfig} = JSON.parse((await it10250.ask('/configz', admin)).body);
    expect(kubeletconfig).toMatchObject({
      port: 10250,
      streamingConnectionIdleTimeout: '3s',
      authentication: {webhook: {cacheTTL: '2m0s'}},
    });
  });

  it('health, with its checks', async () => {
    expect((await it10250.ask('/healthz?verbose', admin)).body).toContain('[+]syncloop ok');
    expect((await it10250.ask('/healthz/syncloop', admin)).body).toBe('ok');
    expect((await it10250.ask('/healthz/other', admin)).code).toBe(404);
  });

  it('the process itself, and nothing of the machine’s logs or of a profiler', async () => {
    const {headers, body} = await it10250.ask('/statusz', admin);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(body).toContain('kubelet statusz');
    const accept = 'application/json;v=v1beta1;g=config.k8s.io;as=Flagz';
    const {flags} = JSON.parse((await it10250.ask('/flagz', {...admin, headers: {accept}})).body);
    expect(flags).toMatchObject({port: '10250'});
    const binary = {accept: 'application/vnd.kubernetes.protobuf'};
    expect((await it10250.ask('/statusz', {...admin, headers: binary})).code).toBe(406);
    expect((await it10250.ask('/metrics/slis', admin)).body).toContain('process_start_time_seconds');
    const gone = await it10250.ask('/checkpoint/default/web/gone', {...admin, method: 'POST'});
    expect(gone).toMatchObject({code: 404, body: 'container not found ("gone")'});
  });

  it('the machine’s own logs, a profile of the kubelet, and how much it logs', async () => {
    await using directory = await logDirectory();
    const {name} = directory;
    const listing = await it10250.ask('/logs', admin);
    expect(listing).toMatchObject({code: 200, headers: {'content-type': 'text/html; charset=utf-8'}});
    expect(listing.body).toContain(`<a href="${name}/">${name}/</a>`);
    expect(await it10250.ask(`/logs/${name}/a.log`, admin)).toMatchObject({code: 200, body: 'first\n'});
    expect(await it10250.ask(`/logs/${name}/link.log`, admin)).toMatchObject({code: 200, body: 'first\n'});
    for (const path of ['out', 'gone', '..%2f..%2fhostname', '../../hostname'])
      expect(await it10250.ask(`/logs/${name}/${path}`, admin)).toMatchObject({code: 404});

    expect((await it10250.ask('/debug/pprof/cmdline', admin)).body).toContain('serve.ts');
    const {body} = await it10250.ask('/debug/pprof/profile?seconds=0.1', admin);
    expect(JSON.parse(body).nodes[0]).toMatchObject({callFrame: {functionName: '(root)'}});
    expect((await it10250.ask('/debug/pprof/heap', admin)).code).toBe(404);

    const put = (text: string) => it10250.ask('/debug/flags/v', {...admin, method: 'PUT', body: text});
    expect(await put('7')).toMatchObject({code: 200, body: 'successfully set klog.logging.verbosity to 7'});
    expect(await put('many')).toMatchObject({code: 400});
    expect(await put('7'.repeat(1000))).toMatchObject({code: 400});
    expect((await it10250.ask('/debug/flags/v', admin)).code).toBe(406);
  });

  it('metrics and statistics of what really runs', async () => {
    const {body} = await it10250.ask('/metrics', admin);
    expect(body).toContain('kubelet_node_name{node="n1"} 1');
    expect(body).toContain('kubelet_running_pods 1');
    const resource = (await it10250.ask('/metrics/resource', admin)).body;
    expect(resource).toMatch(
      /^container_cpu_usage_seconds_total\{container="shell",namespace="default",pod="web"\} [\d.e-]+ \d{13}$/m,
    );
    expect(resource).toMatch(/^node_memory_working_set_bytes [1-9]\d+ \d{13}$/m);
    expect(resource).toContain('resource_scrape_error 0');
    const stats = JSON.parse((await it10250.ask('/stats/summary', admin)).body);
    expect(stats.node.cpu.usageCoreNanoSeconds).toBeGreaterThan(0);
    expect(stats.pods[0]).toMatchObject({podRef: {name: 'web'}});
    expect(stats.pods[0].containers).toHaveLength(2);
  });
});

describe('logs', () => {
  const admin = {token: 'admin'};
  const path = '/containerLogs/default/web/shell';

  it('all, the tail, with timestamps, cut at a limit', async () => {
    await until('some lines', async () => (await it10250.ask(path, admin)).body.includes('line 5'));
    expect((await it10250.ask(path, admin)).body).toMatch(/^line 1\nline 2\n/);
    expect((await it10250.ask(`${path}?tailLines=2`, admin)).body).toMatch(/^line \d+\nline \d+\n$/);
    expect((await it10250.ask(`${path}?tailLines=0`, admin)).body).toMatch(/^(line \d+\n)?$/);
    expect((await it10250.ask(`${path}?timestamps=true&tailLines=1`, admin)).body).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}(Z|[+-]\d\d:\d\d) line \d+\n$/,
    );
    expect((await it10250.ask(`${path}?limitBytes=9`, admin)).body).toBe('line 1\nli');
    expect((await it10250.ask(`${path}?sinceTime=2200-01-01T00:00:00Z`, admin)).body).toBe('');
  });

  it('says what is wrong', async () => {
    expect((await it10250.ask('/containerLogs/default/other/shell', admin)).code).toBe(404);
    expect((await it10250.ask('/containerLogs/default/web/other', admin)).code).toBe(404);
    expect((await it10250.ask(`${path}?previous=true`, admin)).code).toBe(400);
    expect((await it10250.ask(`${path}?tailLines=x`, admin)).code).toBe(400);
  });

  it('follows across a rotation without a gap', async () => {
    const file = join(it10250.logDir, 'shell', '0.log');
    const following = it10250.ask(`${path}?follow=true&tailLines=1`, {
      ...admin,
      onData: (body, stop) => {
        const lines = body.split('\n').length;
        if (lines > 60) stop();
      },
    });
    await rename(file, `${file}.20261121-010203`);
    await it10250.containerd.cri.runtime.reopenContainerLog({containerId: it10250.containerId});
    const {body} = await following;
    const numbers = body
      .trim()
      .split('\n')
      .slice(0, -1)
      .map((line) => Number(line.replace('line ', '')));
    expect(numbers.length).toBeGreaterThan(50);
    expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] ?? 0) + at));
  });

  it('never follows a link out of the log directory', async () => {
    const secret = join(it10250.containerd.dir, 'secret');
    await writeFile(secret, '2026-01-01T00:00:00Z stdout F secret\n');
    const file = join(it10250.logDir, 'httpd', '0.log');
    await rename(file, `${file}.kept`);
    await symlink(secret, file);
    const {code, body} = await it10250.ask('/containerLogs/default/web/httpd', admin);
    expect(code).not.toBe(200);
    expect(body).not.toContain('stdout');
  });
});

describe('streams', () => {
  const admin = {token: 'admin'};

  it('exec over a WebSocket: output, error output and the exit code', async () => {
    const {channels, closed} = collect(
      it10250.socket(exec('echo out; echo err >&2; exit 3'), 'v4.channel.k8s.io', admin),
    );
    await closed;
    expect(channels.get(1)).toBe('out\n');
    expect(channels.get(2)).toBe('err\n');
    expect(channels.get(3)).toContain('"ExitCode"');
  });

  it('exec with the pod’s uid, input and the certificate of the API server', async () => {
    const path = '/exec/default/web/uid-1/shell?input=1&output=1&command=head&command=-n&command=1';
    const socket = it10250.socket(path, 'v4.channel.k8s.io', {cert: it10250.masters});
    const {channels, closed} = collect(socket);
    socket.once('open', () => socket.send(Buffer.from('\0typed\n')));
    await closed;
    expect(channels.get(1)).toBe('typed\n');
    expect(await refusal(it10250.socket(path.replace('uid-1', 'uid-2'), 'v4.channel.k8s.io', admin))).toBe(
      404,
    );
  });

  it('exec over SPDY by POST reaches the runtime untouched', async () => {
    const socket = await it10250.raw();
    socket.write(
      `POST ${exec('id')} HTTP/1.1\r\nHost: n1\r\nAuthorization: Bearer admin\r\nConnection: Upgrade\r\n` +
        'Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n\r\n',
    );
    const [answer] = await new Promise<Buffer[]>((resolve) =>
      socket.once('data', (...chunk) => resolve(chunk)),
    );
    expect(String(answer)).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(String(answer)).toMatch(/X-Stream-Protocol-Version: v4\.channel\.k8s\.io/i);
    socket.destroy();
  });

  it('says why a stream cannot be opened', async () => {
    const socket = (path: string) => it10250.socket(path, 'v4.channel.k8s.io', admin);
    expect(await refusal(socket('/exec/default/web/other?output=1&command=id'))).toBe(404);
    expect(await refusal(socket('/exec/default/web/shell?command=id'))).toBe(400);
    expect(await refusal(socket('/portForward/default/web?port=x'))).toBe(400);
    expect((await it10250.ask(exec('id'), admin)).code).toBe(400);
  });

  it('port-forward to the pod', async () => {
    const socket = it10250.socket('/portForward/default/web?port=8080', 'v4.channel.k8s.io', admin);
    const {channels} = collect(socket);
    socket.once('open', () => socket.send(Buffer.from('\0GET /index.html HTTP/1.0\r\n\r\n')));
    await until('an answer', () => channels.get(0)?.includes('hello'));
    socket.terminate();
  });

  it('run gives the output', async () => {
    const {code, body} = await it10250.ask('/run/default/web/shell?cmd=echo%20hi', {
      ...admin,
      method: 'POST',
    });
    expect([code, body]).toEqual([200, 'hi\n']);
  });

  it('a new certificate is used at once, and open streams go on', async () => {
    const before = commonName(await it10250.raw());
    const socket = it10250.socket(exec('sleep 2; echo after'), 'v4.channel.k8s.io', admin);
    const {channels, closed} = collect(socket);
    await new Promise((resolve) => socket.once('open', resolve));
    it10250.renewCertificate();
    await until('the other certificate', async () => commonName(await it10250.raw()) !== before);
    await closed;
    expect(channels.get(1)).toBe('after\n');
  });

  it('an idle stream ends after streamingConnectionIdleTimeout', async () => {
    const started = performance.now();
    const {closed} = collect(it10250.socket(exec('sleep 600'), 'v4.channel.k8s.io', admin));
    await closed;
    expect(performance.now() - started).toBeGreaterThan(2_900);
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it('opened and closed 300 times leaves no descriptor', async () => {
    const before = await it10250.fds();
    for (let round = 0; round < 30; round++) {
      const forwards = Array.from({length: 9}, () => openForward(it10250));
      for (const {socket} of forwards) socket.once('open', () => socket.close());
      const all = [openExec(it10250, 'true'), ...forwards];
      await Promise.all(all.map(({closed}) => closed));
    }
    await until('descriptors to go', async () => (await it10250.fds()) <= before + 3);
  });

  it('a client that never reads does not grow the process', async () => {
    const before = await it10250.rssBytes();
    const socket = it10250.socket(exec('cat /dev/zero'), 'v4.channel.k8s.io', admin);
    const {closed} = collect(socket);
    await new Promise((resolve) => socket.once('open', resolve));
    socket.pause();
    let most = 0;
    const ended = closed.then(() => 'ended');
    // The stream stalls, and is then ended as idle.
    const watching = until('the end', async () => {
      most = Math.max(most, await it10250.rssBytes());
      return (
        (await Promise.race([ended, Promise.resolve('open')])) === 'ended' || performance.now() > deadline
      );
    });
    const deadline = performance.now() + 6_000;
    await watching;
    socket.terminate();
    expect(most - before).toBeLessThan(64 * 1024 * 1024);
  });
});

describe('clients that take their time', () => {
  const ended = (socket: {
    once(event: 'close', done: () => void): unknown;
    on(event: 'error', f: () => void): unknown;
  }) =>
    new Promise<number>((resolve) => {
      const started = performance.now();
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(performance.now() - started));
    });

  it('headers, and TLS handshakes, have ten seconds', async () => {
    const slow = await it10250.raw();
    slow.resume();
    slow.write('GET /healthz HTTP/1.1\r\nHost:');
    const half = connect({host: inside, port: 10250});
    half.resume();
    half.once('connect', () => half.write(Buffer.from([0x16, 0x03, 0x01])));
    const [headers, handshake] = await Promise.all([ended(slow), ended(half)]);
    for (const ms of [headers, handshake]) {
      expect(ms).toBeGreaterThan(8_000);
      expect(ms).toBeLessThan(14_000);
    }
  });

  it('1 MiB of headers is refused with 431', async () => {
    const socket = await it10250.raw();
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk));
    socket.on('error', () => undefined);
    socket.write(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: ${'a'.repeat(1024 * 1024)}\r\n\r\n`);
    await ended(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('an answered question may be asked again on the same connection, each time anew', async () => {
    const socket = await it10250.raw();
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk));
    const question = (token: string) =>
      `GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    socket.write(question('admin') + question('nobody') + question('unknown'));
    await until('three answers', () => (answer.match(/HTTP\/1\.1 (200|403|401)/g) ?? []).length === 3);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403', 'HTTP/1.1 401']);
    socket.destroy();
  });
});
