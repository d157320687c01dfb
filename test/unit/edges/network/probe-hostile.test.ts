import {createServer as createHttp2} from 'node:http2';
import {type AddressInfo, createServer, type Server, type Socket} from 'node:net';
import {afterEach, describe, expect, it} from 'vitest';
import {grpcProbe} from '../../../../src/edges/network/probes/probe-grpc.ts';
import {httpProbe, tcpProbe} from '../../../../src/edges/network/probes/probe-net.ts';

const servers: {server: Server | ReturnType<typeof createHttp2>; sockets: Set<Socket>}[] = [];
afterEach(async () => {
  for (const {server, sockets} of servers.splice(0)) {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  }
});

async function listening(server: Server | ReturnType<typeof createHttp2>): Promise<number> {
  const sockets = new Set<Socket>();
  servers.push({server, sockets});
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A server that says its bytes whatever it is asked. */
const saying = (say: (socket: Socket) => void) =>
  listening(createServer((socket) => socket.once('data', () => say(socket))));

const get = (port: number, timeoutMs = 8000, path = '/') =>
  httpProbe({
    scheme: 'http',
    host: '127.0.0.1',
    port,
    path,
    headers: [],
    userAgent: 'test',
    timeoutMs,
  });

/** Writes for ever, as fast as it is read. */
function flood(socket: Socket, chunk: Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

describe('an HTTP probe of a hostile server', () => {
  it('reads ten KiB of an endless body, and no more', async () => {
    const port = await saying((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      flood(socket, Buffer.alloc(64 * 1024, 'x'));
    });
    const result = await get(port);
    expect(result.outcome).toBe('success');
    expect(result.message).toBe('x'.repeat(10 * 1024));
  });

  it('takes headers of half a megabyte, and fails at those that do not end', async () => {
    const big = await saying((socket) =>
      socket.end(`HTTP/1.1 200 OK\r\na: ${'x'.repeat(1 << 19)}\r\n\r\nok`),
    );
    expect(await get(big)).toMatchObject({outcome: 'success', message: 'ok'});
    const endless = await saying((socket) => {
      socket.write('HTTP/1.1 200 OK\r\na: ');
      flood(socket, Buffer.alloc(256 * 1024, 'x'));
    });
    expect(await get(endless)).toMatchObject({outcome: 'failure'});
  });

  it('fails in its time where headers come drop by drop', async () => {
    const port = await saying((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('a: b\r\n'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const result = await get(port, 200);
    expect(result).toMatchObject({outcome: 'failure', message: expect.stringContaining('deadline exceeded')});
  });

  it('draws no conclusion from a body that breaks off or does not end', async () => {
    const cut = await saying((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    await expect(get(cut)).rejects.toThrow('unexpected EOF');
    const slow = await saying((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    await expect(get(slow, 200)).rejects.toThrow(
      'context deadline exceeded (Client.Timeout or context cancellation while reading body)',
    );
  });

  it('stops after ten redirects, and warns of one to another host', async () => {
    let asked = 0;
    const loop = await saying((socket) => {
      asked++;
      socket.end('HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n');
    });
    expect(await get(loop)).toMatchObject({
      outcome: 'failure',
      message: expect.stringContaining('stopped after 10 redirects'),
    });
    expect(asked).toBe(10);
    const away = await saying((socket) =>
      socket.end('HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n'),
    );
    expect(await get(away)).toMatchObject({outcome: 'warning'});
  });

  it.each([
    [
      'a Location that is no URL',
      'HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n',
      'failure',
    ],
    ['lines that end with LF alone', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', 'success'],
    ['a redirect to nowhere', 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n', 'warning'],
    ['what is not HTTP', '\u0000\u0001\u0002 garbage\r\n\r\n', 'failure'],
    ['nothing, and a close', '', 'failure'],
  ])('bears %s', async (_, bytes, outcome) => {
    const port = await saying((socket) => socket.end(bytes));
    expect(await get(port)).toMatchObject({outcome});
  });
});

describe('a gRPC probe of a hostile server', () => {
  const serve = (answer: (stream: import('node:http2').ServerHttp2Stream) => void) => {
    const server = createHttp2();
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      answer(stream);
    });
    server.on('sessionError', () => undefined);
    return listening(server);
  };

  it('fails at an answer without an end, and keeps little of it', async () => {
    const port = await serve((stream) => {
      stream.respond({':status': 200, 'content-type': 'application/grpc'});
      const more = () => {
        while (!stream.destroyed && stream.write(Buffer.alloc(64 * 1024)));
      };
      stream.on('drain', more);
      more();
    });
    expect(await grpcProbe('127.0.0.1', port, '', 8000)).toMatchObject({
      outcome: 'failure',
      message: expect.stringContaining('larger than max'),
    });
  });

  it.each([
    ['a server that takes the call and says nothing', () => undefined],
    [
      'an HTTP error',
      (stream: import('node:http2').ServerHttp2Stream) => stream.respond({':status': 500}, {endStream: true}),
    ],
    ['a reset', (stream: import('node:http2').ServerHttp2Stream) => stream.close(2)],
  ])('fails at %s', async (_, answer) => {
    const port = await serve(answer);
    expect(await grpcProbe('127.0.0.1', port, 'x'.repeat(1000), 300)).toMatchObject({outcome: 'failure'});
  });

  /** An answer of one frame with that message, and how the call ended. */
  const answering = (message: number[], trailers: Record<string, string>) =>
    serve((stream) => {
      stream.respond({':status': 200, 'content-type': 'application/grpc'}, {waitForTrailers: true});
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]));
    });

  /** pkg/probe/grpc/grpc_test.go, by its meaning. */
  it.each([
    ['success', 'service healthy', [8, 1], {'grpc-status': '0'}],
    ['failure', 'service unhealthy (responded with "NOT_SERVING")', [8, 2], {'grpc-status': '0'}],
    ['failure', 'service unhealthy (responded with "UNKNOWN")', [], {'grpc-status': '0'}],
    [
      'failure',
      'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): no such service',
      [],
      {'grpc-status': '12', 'grpc-message': 'no%20such service'},
    ],
    [
      'failure',
      'error: health rpc probe failed: rpc error: code = NotFound desc = unknown service',
      [],
      {'grpc-status': '5', 'grpc-message': 'unknown service'},
    ],
  ])('is a %s: %s', async (outcome, message, answer, trailers) => {
    const port = await answering(answer, trailers);
    expect(await grpcProbe('127.0.0.1', port, 'x', 8000)).toEqual({outcome, message});
  });

  it('says whether nobody listens, or nobody answers', async () => {
    const silent = await serve(() => undefined);
    expect((await grpcProbe('127.0.0.1', silent, '', 1000)).message).toBe(
      'timeout: health rpc did not complete within 1s',
    );
    expect((await grpcProbe('127.0.0.1', 1, '', 300)).message).toBe(
      'timeout: failed to connect service "127.0.0.1:1" within 0.3s: context deadline exceeded',
    );
  });

  it('fails at what does not speak HTTP/2', async () => {
    const port = await saying((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    expect(await grpcProbe('127.0.0.1', port, '', 2000)).toMatchObject({outcome: 'failure'});
  });
});

describe('a TCP probe', () => {
  it('fails at a port that nobody listens on', async () => {
    const port = await saying(() => undefined);
    const {server} = servers.pop() ?? {};
    await new Promise<void>((resolve) => server?.close(() => resolve()));
    expect(await tcpProbe('127.0.0.1', port, 2000)).toMatchObject({outcome: 'failure'});
  });
});
