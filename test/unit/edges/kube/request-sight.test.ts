import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {request} from 'undici';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {connectKube} from '../../../../src/edges/kube/http-client.ts';
import {type SeenRequest, watchRequests} from '../../../../src/edges/kube/request-sight.ts';
import {type ScriptedServer, scriptedServer, status} from './scripted-server.ts';

let server: ScriptedServer;
beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => server.close());

it('sees each request to the API server with its answer, and no other request of the process', async () => {
  const seen: SeenRequest[] = [];
  const stop = watchRequests((one) => seen.push(one));
  const client = connectKube(server.connection);
  const gone = connectKube({...server.connection, server: 'https://127.0.0.1:1'});
  const probed = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
  try {
    await new Promise((resolve) => probed.once('listening', resolve));
    server.answer((asked, response) =>
      asked.url === '/busy'
        ? response.writeHead(429).end(JSON.stringify(status(429, 'TooManyRequests', '')))
        : response.writeHead(asked.method === 'POST' ? 201 : 200).end('{}'),
    );
    await client.request('GET', '/version');
    await client.request('POST', '/api/v1/namespaces/default/pods', {});
    await client.request('GET', '/busy', undefined, {timeoutMs: 2_000}).catch(() => undefined);
    await gone.request('GET', '/version').catch(() => undefined);
    await (await request(`http://127.0.0.1:${(probed.address() as AddressInfo).port}/`)).body.text();
  } finally {
    stop();
    await client.request('GET', '/unseen');
    await Promise.all([client.close(), gone.close()]);
    probed.close();
  }
  const host = new URL(server.connection.server).host;
  expect(seen).toMatchObject([
    {host, method: 'GET', code: '200'},
    {host, method: 'POST', code: '201'},
    {host, method: 'GET', code: '429'},
    {host: '127.0.0.1:1', method: 'GET', code: '<error>'},
  ]);
  for (const {seconds} of seen) expect(seconds).toBeGreaterThan(0);
});
