import {createServer as createHttp2} from 'node:http2';
import {type AddressInfo, createServer, type Server, type Socket} from 'node:net';
import {afterEach, describe, expect, it} from 'vitest';
import {socketWords} from '../../../../src/edges/network/probes/go-words.ts';
import {grpcProbe} from '../../../../src/edges/network/probes/probe-grpc.ts';
import {httpProbe, tcpProbe} from '../../../../src/edges/network/probes/probe-net.ts';

/** What Kubernetes' own probers say of the same servers, taken from them (pkg/probe). */
const servers: {server: Server; sockets: Set<Socket>}[] = [];
afterEach(async () => {
  for (const {server, sockets} of servers.splice(0)) {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  }
});

async function serving(on: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    on(socket);
  });
  servers.push({server, sockets});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function afterRequest(act: (socket: Socket) => void): Promise<number> {
  return serving((socket) => {
    socket.once('data', () => act(socket));
  });
}

const answering = (bytes: string): Promise<number> => afterRequest((socket) => void socket.end(bytes));
const closes = (): Promise<number> => afterRequest((socket) => void socket.end());
const resets = (): Promise<number> => afterRequest((socket) => void socket.resetAndDestroy());
const silent = (): Promise<number> => serving(() => undefined);
const nobody = (): Promise<number> => Promise.resolve(1);

async function get(port: number, scheme: 'http' | 'https' = 'http', timeoutMs = 5000) {
  const probe = {scheme, host: '127.0.0.1', port, path: '/x', headers: [], userAgent: 'test', timeoutMs};
  const {outcome, message} = await httpProbe(probe);
  expect(outcome).toBe('failure');
  return message.replace(`Get "${scheme}://127.0.0.1:${port}/x": `, '').replaceAll(`:${port}`, ':PORT');
}

describe('an HTTP probe that fails', () => {
  it('says that nobody listens', async () => {
    expect(await get(1)).toBe('dial tcp 127.0.0.1:PORT: connect: connection refused');
    expect(await get(1, 'https')).toBe('dial tcp 127.0.0.1:PORT: connect: connection refused');
  });

  it.each([
    ['closes without an answer', closes, 'EOF'],
    [
      'resets the connection',
      resets,
      /^read tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:PORT: read: connection reset by peer$/,
    ],
    [
      'breaks off in its headers',
      () => answering('HTTP/1.1 200 OK\r\nA: b\r\n'),
      'net/http: HTTP/1.x transport connection broken: unexpected EOF',
    ],
    [
      'does not speak HTTP',
      () => answering('garbage\r\n\r\n'),
      'net/http: HTTP/1.x transport connection broken: malformed HTTP response "garbage"',
    ],
    [
      'wants TLS',
      () => answering('\x15\x03\x01\x00\x02\x02\x16'),
      'net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x15\\x03\\x01\\x00\\x02\\x02\\x16"',
    ],
    [
      'leads to itself again and again',
      () => answering('HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n'),
      'Get "/again": stopped after 10 redirects',
    ],
  ] as const)('says of a server that it %s', async (_, server, words) => {
    const message = await get(await server());
    if (typeof words === 'string') expect(message).toBe(words);
    else expect(message).toMatch(words);
  });

  it('says what its time went by with', async () => {
    const late = '(Client.Timeout exceeded while awaiting headers)';
    const headers = await serving((socket) => socket.write('HTTP/1.1 200 OK\r\nA: b\r\n'));
    expect(await get(await silent(), 'http', 200)).toBe(`context deadline exceeded ${late}`);
    expect(await get(headers, 'http', 200)).toBe(`context deadline exceeded ${late}`);
    expect(await get(await silent(), 'https', 200)).toBe(
      `net/http: request canceled while waiting for connection ${late}`,
    );
  });

  it('says of a server without TLS that it has none', async () => {
    const plain = await answering('HTTP/1.0 400 Bad Request\r\n\r\n');
    expect(await get(plain, 'https')).toBe('http: server gave HTTP response to HTTPS client');
  });
});

describe('a TCP probe that fails', () => {
  it.each(['127.0.0.1', '::1'])('says that nobody listens at %s', async (host) => {
    const address = host === '::1' ? '[::1]:1' : '127.0.0.1:1';
    expect(await tcpProbe(host, 1, 5000)).toEqual({
      outcome: 'failure',
      message: `dial tcp ${address}: connect: connection refused`,
    });
  });
});

describe('a gRPC probe', () => {
  it.each([
    ['nobody listens', nobody],
    ['the server closes', closes],
    ['the server resets', resets],
    ['the server is silent', silent],
  ] as const)('waits for its whole time where %s', async (_, server) => {
    const port = await server();
    expect(await grpcProbe('127.0.0.1', port, '', 1000)).toEqual({
      outcome: 'failure',
      message: `timeout: failed to connect service "127.0.0.1:${port}" within 1s: context deadline exceeded`,
    });
  });
});

it('a gRPC probe finds a server that begins to listen within its time', async () => {
  const port = await silent();
  const {server} = servers.pop() ?? {};
  await new Promise<void>((resolve) => server?.close(() => resolve()));
  const probing = grpcProbe('127.0.0.1', port, '', 8000);
  const late = createHttp2();
  late.on('stream', (stream) => {
    stream.respond({':status': 200, 'content-type': 'application/grpc'}, {waitForTrailers: true});
    stream.on('wantTrailers', () => stream.sendTrailers({'grpc-status': '0'}));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
  });
  await new Promise<void>((resolve) => late.listen(port, '127.0.0.1', resolve));
  try {
    expect(await probing).toEqual({outcome: 'success', message: 'service healthy'});
  } finally {
    await new Promise<void>((resolve) => late.close(() => resolve()));
  }
});

const connecting = {syscall: 'connect', address: '10.9.9.9', port: 80};

it.each([
  [{code: 'EHOSTUNREACH', ...connecting}, 'dial tcp 10.9.9.9:80: connect: no route to host'],
  [{code: 'ENETUNREACH', ...connecting}, 'dial tcp 10.9.9.9:80: connect: network is unreachable'],
  [{code: 'EINVAL', ...connecting}, 'dial tcp 10.9.9.9:80: connect: invalid argument'],
  [{code: 'ETIMEDOUT', ...connecting}, 'dial tcp 10.9.9.9:80: connect: connection timed out'],
  [{code: 'EACCES', ...connecting}, 'dial tcp 10.9.9.9:80: connect: permission denied'],
  [
    {code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'no-such.invalid'},
    'dial tcp: lookup no-such.invalid: no such host',
  ],
  [{code: 'EPIPE', syscall: 'write'}, 'write tcp 10.0.0.1:5->10.9.9.9:80: write: broken pipe'],
  [{code: 'EWHATEVER', syscall: 'connect'}, 'as it is'],
])('%j in words', (fields, words) => {
  const socket = {localAddress: '10.0.0.1', localPort: 5, remoteAddress: '10.9.9.9', remotePort: 80};
  expect(socketWords(Object.assign(new Error('as it is'), fields), socket)).toBe(words);
});
