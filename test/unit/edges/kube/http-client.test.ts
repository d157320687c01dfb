import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {WatchEvent} from '../../../../src/edges/kube/client.ts';
import {
  ApiError,
  isAlreadyExists,
  isConflict,
  isGone,
  isNotFound,
} from '../../../../src/edges/kube/errors.ts';
import {connectKube, type KubeConnectionClient} from '../../../../src/edges/kube/http-client.ts';
import {isNodectlError} from '../../../../src/lib/errors.ts';
import type {ConfigMap} from '../../../../src/lib/kubernetes.ts';
import {configMaps} from '../../../../src/lib/resources.ts';
import {
  bookmark,
  configMap,
  freezableProxy,
  line,
  type ScriptedServer,
  scriptedServer,
  status,
} from './scripted-server.ts';

describe.each([
  ['HTTP/2', true],
  ['HTTP/1.1', false],
])('the API client over %s', (_, http2) => {
  let server: ScriptedServer;
  let client: KubeConnectionClient;
  const key = {name: 'a', namespace: 'default'};
  const failure = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (e: unknown) => e,
    );

  beforeEach(async () => {
    server = await scriptedServer(http2);
    client = connectKube(server.connection);
  });
  afterEach(async () => {
    await client.close();
    await server.close();
  });

  it('speaks the protocol that the server offers', async () => {
    server.answer((request, response) => response.end(JSON.stringify({version: request.httpVersion})));
    expect(await client.request('GET', '/version')).toEqual({version: http2 ? '2.0' : '1.1'});
  });

  it('keeps its connection', async () => {
    server.answer((_, response) => response.end('{}'));
    for (let at = 0; at < 5; at++) await client.request('GET', '/version');
    expect(server.sockets.size).toBeLessThanOrEqual(http2 ? 1 : 2);
  });

  it('writes paths, queries, bodies and content types as the API wants them', async () => {
    const bodies: string[] = [];
    server.answer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        bodies.push(`${request.headers['content-type'] ?? ''} ${body}`);
        response.end('{"metadata":{"resourceVersion":"1"},"items":null}');
      });
    });
    await client.list(configMaps, {namespace: 'a b', labelSelector: 'x in (1,2)', limit: 5});
    await client.create(configMaps, {metadata: {name: 'a', namespace: 'ns'}});
    await client.patch(configMaps, key, {type: 'apply', body: {}, fieldManager: 'me', force: true});
    await client.patch(configMaps, {...key, subresource: 'status'}, {type: 'strategic', body: {a: 1}});
    await client.patch(configMaps, key, {type: 'json', body: []});
    await client.patch(configMaps, key, {type: 'merge', body: {}});
    await client.delete(configMaps, key, {gracePeriodSeconds: 0, preconditions: {uid: 'u'}});
    const base = '/api/v1/namespaces';
    expect(server.seen).toEqual([
      `GET ${base}/a%20b/configmaps?labelSelector=x+in+%281%2C2%29&limit=5`,
      `POST ${base}/ns/configmaps`,
      `PATCH ${base}/default/configmaps/a?fieldManager=me&force=true`,
      `PATCH ${base}/default/configmaps/a/status`,
      `PATCH ${base}/default/configmaps/a`,
      `PATCH ${base}/default/configmaps/a`,
      `DELETE ${base}/default/configmaps/a`,
    ]);
    expect(bodies.slice(2)).toEqual([
      'application/apply-patch+yaml {}',
      'application/strategic-merge-patch+json {"a":1}',
      'application/json-patch+json []',
      'application/merge-patch+json {}',
      'application/json {"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"preconditions":{"uid":"u"}}',
    ]);
  });

  it.each([
    [
      404,
      JSON.stringify(status(404, 'NotFound', 'configmaps "a" not found')),
      'configmaps "a" not found',
      isNotFound,
    ],
    [409, JSON.stringify(status(409, 'AlreadyExists', 'exists')), 'exists', isAlreadyExists],
    [409, '', 'HTTP 409 without a message', isConflict],
    [410, '<html><body><h1>gone</h1></body></html>', 'gone', isGone],
    [
      500,
      '{"kind":"Sta',
      '{"kind":"Sta',
      (e: unknown) => e instanceof ApiError && e.reason === 'InternalError',
    ],
  ])('makes an ApiError of %i %s', async (code, body, message, judge) => {
    server.answer((_, response) => response.writeHead(code).end(body));
    const error = await failure(client.get(configMaps, key));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({message, httpCode: code});
    expect(judge(error)).toBe(true);
  });

  it('waits as long as Retry-After says, and tries again', async () => {
    const at: number[] = [];
    server.answer((_, response) => {
      at.push(performance.now());
      if (at.length === 1) response.writeHead(429, {'retry-after': '1'}).end();
      else response.end('{"ok":true}');
    });
    expect(await client.request('GET', '/x')).toEqual({ok: true});
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(990);
  });

  it('gives a Retry-After beyond its deadline to the caller', async () => {
    server.answer((_, response) => response.writeHead(503, {'retry-after': '60'}).end('<p>busy</p>'));
    const error = await failure(client.request('GET', '/x', undefined, {timeoutMs: 5000}));
    expect(error).toMatchObject({httpCode: 503, message: 'busy', retryAfterMs: 60_000});
    expect(server.seen).toHaveLength(1);
  });

  it('names the server that does not answer', async () => {
    server.answer(() => undefined);
    const late = await failure(client.request('GET', '/x', undefined, {timeoutMs: 50}));
    expect(isNodectlError(late, 'ND301')).toBe(true);
    expect(String(late)).toContain(`${server.connection.server}: timed out`);
    await server.close();
    const refused = await failure(client.request('GET', '/x'));
    expect(String(refused)).toContain('ECONNREFUSED');
  });

  it('refuses a server that it cannot trust', async () => {
    const {ca: _ca, ...untrusting} = server.connection;
    const stranger = connectKube(untrusting);
    const error = await failure(stranger.request('GET', '/x'));
    await stranger.close();
    expect(isNodectlError(error, 'ND301')).toBe(true);
    expect(String(error)).toContain('certificate');
    expect(server.seen).toEqual([]);
  });

  it("passes the caller's own abort on", async () => {
    server.answer(() => undefined);
    const controller = new AbortController();
    const call = failure(client.request('GET', '/x', undefined, {signal: controller.signal}));
    await expect.poll(() => server.seen.length, {timeout: 8000}).toBe(1);
    controller.abort(new Error('mine'));
    expect(String(await call)).toBe('Error: mine');
  });

  it('asks for a token for each call', async () => {
    const tokens = ['one', 'two'];
    const given: unknown[] = [];
    server.answer((request, response) => {
      given.push(request.headers.authorization);
      response.end('{}');
    });
    client.replaceCredentials({
      ...server.connection,
      credentials: {kind: 'token', token: async () => tokens.shift() ?? ''},
    });
    await client.request('GET', '/x');
    await client.request('GET', '/x');
    expect(given).toEqual(['Bearer one', 'Bearer two']);
  });

  it('drops __proto__ keys, however they are written', async () => {
    server.answer((_, response) =>
      response.end('{"a":{"__proto__":{"x":1},"\\u005f_proto__":{"y":1},"b":1}}'),
    );
    const answer = await client.request<{a: object}>('GET', '/x');
    expect(Object.assign({}, answer.a)).toStrictEqual({b: 1});
    expect(Object.keys(answer.a)).toEqual(['b']);
  });

  it('reads watch events across chunks, and drops half a line at the end', async () => {
    const text = Buffer.from(`${line('ADDED', configMap('a', 1, {k: 'ü€😀'}))}${bookmark(5)}{"type":"ADD`);
    server.answer((_, response) => {
      for (let at = 0; at < text.length; at += 7) response.write(text.subarray(at, at + 7));
      response.end();
    });
    const events: WatchEvent<ConfigMap>[] = [];
    for await (const event of client.watch(configMaps, {}, new AbortController().signal)) events.push(event);
    expect(events.map((e) => e.type)).toEqual(['ADDED', 'BOOKMARK']);
    expect(events[0]?.object).toMatchObject({data: {k: 'ü€😀'}});
    expect(server.seen).toEqual(['GET /api/v1/configmaps?watch=true']);
  });

  it('ends watches when credentials are replaced, and lets a request finish', async () => {
    server.answer((_, response, url) => {
      if (url.searchParams.has('watch')) response.write(bookmark(1));
      else setTimeout(() => response.end('{"done":true}'), 100);
    });
    const watching = failure(
      (async () => {
        for await (const event of client.watch(configMaps, {}, new AbortController().signal))
          if (event.type === 'BOOKMARK') client.replaceCredentials(server.connection);
      })(),
    );
    const request = client.request('GET', '/slow');
    expect(String(await watching)).toContain('credentials of this connection were replaced');
    expect(await request).toEqual({done: true});
  });

  it('stays closed when a renewal of its credentials ends after it', async () => {
    server.answer((_, response) => response.end('{}'));
    await client.request('GET', '/version');
    await client.close();
    client.replaceCredentials(server.connection);
    expect(String(await failure(client.request('GET', '/version')))).toContain('destroyed');
  });

  it('serves many watches and requests at once', async () => {
    server.answer((_, response, url) => {
      if (url.searchParams.has('watch')) response.write(bookmark(1));
      else response.end('{"ok":true}');
    });
    const controller = new AbortController();
    let open = 0;
    const watches = Array.from({length: 150}, async () => {
      for await (const _event of client.watch(configMaps, {}, controller.signal)) open++;
    });
    await expect.poll(() => open, {timeout: 8000}).toBe(150);
    expect(await client.request('GET', '/x')).toEqual({ok: true});
    expect(server.sockets.size).toBeLessThanOrEqual(http2 ? 3 : 151);
    controller.abort();
    await Promise.allSettled(watches);
  });
});

describe('a connection that freezes', () => {
  it('row 22: is found by its silence', async () => {
    const server = await scriptedServer();
    const proxy = await freezableProxy(server);
    const client = connectKube(
      {...server.connection, server: proxy.url},
      {pingMs: 100, silenceMs: 300, checkMs: 50},
    );
    server.answer((_, response) => response.write(bookmark(1)));
    let events = 0;
    const watching = (async () => {
      for await (const _event of client.watch(configMaps, {}, new AbortController().signal)) events++;
    })().then(
      () => undefined,
      (error: unknown) => error,
    );
    await expect.poll(() => events, {timeout: 8000}).toBe(1);
    // Healthy and quiet for longer than the bound: pings keep it alive.
    const quietSince = performance.now();
    await expect.poll(() => performance.now() - quietSince, {timeout: 2000}).toBeGreaterThan(700);
    expect(server.sockets.size).toBe(1);
    // What we ourselves sleep through is nobody's silence.
    const stalledUntil = performance.now() + 600;
    while (performance.now() < stalledUntil);
    await expect.poll(() => performance.now() - stalledUntil, {timeout: 2000}).toBeGreaterThan(100);
    expect(server.sockets.size).toBe(1);
    proxy.freeze();
    expect(String(await watching)).toContain('no answer to pings');
    await client.close();
    await proxy.close();
    await server.close();
  });
});
