import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {Worker} from 'node:worker_threads';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type Cri, connectCri} from '../../../../src/edges/cri/client.ts';
import {grpcProbe} from '../../../../src/edges/network/probes/probe-grpc.ts';
import {httpProbe, tcpProbe} from '../../../../src/edges/network/probes/probe-net.ts';
import {execProbe} from '../../../../src/kubelet/probes/exec.ts';

/**
 * Servers with an event loop of their own. HTTP answers at once on /, never on /never; gRPC says SERVING on one port,
 * and the runtime on its socket that the command ended well.
 */
const server = `
const http2 = require('node:http2');
const grpc = (message) => http2.createServer().on('stream', (stream, headers) => {
  if (headers[':path'].endsWith('/ListContainers')) return;
  stream.respond({':status': 200, 'content-type': 'application/grpc'}, {waitForTrailers: true});
  stream.on('wantTrailers', () => stream.sendTrailers({'grpc-status': '0'}));
  stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]));
});
const {workerData} = require('node:worker_threads');
grpc([]).listen(workerData + '/cri.sock');
const health = grpc([8, 1]).listen(0, '127.0.0.1');
const {createServer} = require('node:http');
const {parentPort} = require('node:worker_threads');
const server = createServer((request, response) => { if (request.url === '/') response.end('well'); });
server.listen(0, '127.0.0.1', () => parentPort.postMessage([server.address().port, health.address().port]));
`;
let worker: Worker;
let directory: string;
let cri: Cri;
let port: number;
let grpcPort: number;
beforeAll(async () => {
  directory = await mkdtemp(`${tmpdir()}/nodectl-stall-`);
  worker = new Worker(server, {eval: true, workerData: directory});
  [port, grpcPort] = await new Promise<[number, number]>((resolve) => worker.once('message', resolve));
  cri = connectCri(`unix://${directory}/cri.sock`);
});
afterAll(async () => {
  cri.close();
  await worker.terminate();
  await rm(directory, {recursive: true, force: true});
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

  it('over gRPC does not fail', async () => {
    const result = grpcProbe('127.0.0.1', grpcPort, '', 200);
    stall(600);
    expect(await result).toEqual({outcome: 'success', message: 'service healthy'});
  });

  it('by a command does not fail', async () => {
    const result = execProbe(cri, 'any', ['true'], 100, 200);
    stall(600);
    expect(await result).toEqual({outcome: 'success', message: ''});
  });

  it('fails in its time when there is no answer', async () => {
    const result = await probe('/never');
    expect(result).toMatchObject({outcome: 'failure', message: expect.stringMatching(/deadline exceeded/)});
  });
});
