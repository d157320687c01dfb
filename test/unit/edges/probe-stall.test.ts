import {Worker} from 'node:worker_threads';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {httpProbe, tcpProbe} from '../../../src/edges/probe-net.ts';

/** A server with an event loop of its own: answers at once on /, never on /never. */
const server = `
const {createServer} = require('node:http');
const {parentPort} = require('node:worker_threads');
const server = createServer((request, response) => { if (request.url === '/') response.end('well'); });
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;
let worker: Worker;
let port: number;
beforeAll(async () => {
  worker = new Worker(server, {eval: true});
  port = await new Promise((resolve) => worker.once('message', resolve));
});
afterAll(async () => {
  await worker.terminate();
});

/** As a big list or a garbage collection does it. */
function stall(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const probe = (path: string) =>
  httpProbe({
    scheme: 'http',
    host: '127.0.0.1',
    port,
    path,
    headers: [],
    userAgent: 'test',
    timeoutMs: 200,
  });

describe('a probe while our own event loop stands still', () => {
  it('over HTTP does not fail', async () => {
    const result = probe('/');
    stall(600);
    expect(await result).toEqual({outcome: 'success', message: 'well'});
  });

  it('over TCP does not fail', async () => {
    const result = tcpProbe('127.0.0.1', port, 200);
    stall(600);
    expect(await result).toEqual({outcome: 'success', message: ''});
  });

  it('fails in its time when there is no answer', async () => {
    const result = await probe('/never');
    expect(result).toMatchObject({outcome: 'failure', message: expect.stringMatching(/deadline exceeded/)});
  });
});
