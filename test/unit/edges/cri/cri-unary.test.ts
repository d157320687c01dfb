import {mkdtempSync, rmSync} from 'node:fs';
import * as http2 from 'node:http2';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {create, fromBinary, toBinary} from '@bufbuild/protobuf';
import {Code, ConnectError} from '@connectrpc/connect';
import {afterAll, afterEach, beforeEach, expect, test} from 'vitest';
import {type Cri, connectCri, isCriNotFound} from '../../../../src/edges/cri/client.ts';
import {VersionRequestSchema, VersionResponseSchema} from '../../../../src/edges/cri/gen/api_pb.ts';

type Serve = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, request: Buffer) => void;

const directory = mkdtempSync(join(tmpdir(), 'nodectl-cri-'));
const socket = join(directory, 'cri.sock');
let serve: Serve = () => undefined;
let server: http2.Http2Server | undefined;
const sessions = new Set<http2.ServerHttp2Session>();
const calls: [string, boolean][] = [];
let cri: Cri;

async function listen(): Promise<void> {
  server = http2.createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => serve(stream, headers, Buffer.concat(chunks)));
  });
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
}

async function unplug(): Promise<void> {
  for (const session of sessions) session.destroy();
  sessions.clear();
  await new Promise<void>((resolve) => server?.close(() => resolve()) ?? resolve());
  server = undefined;
}

beforeEach(async () => {
  calls.length = 0;
  await listen();
  cri = connectCri(`unix://${socket}`, 30_000, (method, _seconds, failed) => calls.push([method, failed]));
});
afterEach(async () => {
  cri.close();
  await unplug();
  rmSync(socket, {force: true});
});

afterAll(() => rmSync(directory, {recursive: true}));

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const versionOf = (runtimeName: string) =>
  framed(toBinary(VersionResponseSchema, create(VersionResponseSchema, {runtimeName})));

/** Answers with these pieces, then with grpc-status 0. */
function answer(stream: http2.ServerHttp2Stream, pieces: readonly Buffer[]): void {
  stream.respond({':status': 200, 'content-type': 'application/grpc'}, {waitForTrailers: true});
  stream.on('wantTrailers', () => stream.sendTrailers({'grpc-status': '0'}));
  for (const piece of pieces) stream.write(piece);
  stream.end();
}

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ConnectError) return error;
  throw new Error(`not a ConnectError: ${String(error)}`);
}

test('sends one message and gives the answer, in how many pieces it comes', async () => {
  let asked: {path: unknown; timeout: unknown; version: string} | undefined;
  serve = (stream, headers, request) => {
    const {version} = fromBinary(VersionRequestSchema, request.subarray(5));
    asked = {path: headers[':path'], timeout: headers['grpc-timeout'], version};
    const whole = versionOf('pieces');
    answer(stream, [whole.subarray(0, 3), whole.subarray(3, 8), whole.subarray(8)]);
  };
  const {runtimeName} = await cri.runtime.version({version: 'v1'}, {timeoutMs: 1234});
  expect(runtimeName).toBe('pieces');
  expect(asked).toEqual({path: '/runtime.v1.RuntimeService/Version', timeout: '1234m', version: 'v1'});
  expect(calls).toEqual([['Version', false]]);
});

test('gives an empty message as one', async () => {
  serve = (stream) => answer(stream, [framed(Buffer.alloc(0))]);
  expect((await cri.runtime.version({})).runtimeName).toBe('');
});

test('tells the error that the runtime tells, its words decoded', async () => {
  serve = (stream) => {
    const fields = {'grpc-status': '5', 'grpc-message': 'container %22a%25%22: not found'};
    stream.respond({':status': 200, 'content-type': 'application/grpc', ...fields}, {endStream: true});
  };
  const error = await failure(cri.runtime.version({}));
  expect(error.rawMessage).toBe('container "a%": not found');
  expect(isCriNotFound(error)).toBe(true);
  expect(calls).toEqual([['Version', true]]);
});

test('tells an error that comes after a part of the answer', async () => {
  serve = (stream) => {
    stream.respond({':status': 200, 'content-type': 'application/grpc'}, {waitForTrailers: true});
    stream.on('wantTrailers', () => stream.sendTrailers({'grpc-status': '13', 'grpc-message': 'broken'}));
    stream.end(versionOf('half'));
  };
  expect(await failure(cri.runtime.version({}))).toMatchObject({code: Code.Internal, rawMessage: 'broken'});
});

test('gives a call up when its time is over, and says so to the runtime', async () => {
  const reset = Promise.withResolvers<number | undefined>();
  serve = (stream) => stream.on('close', () => reset.resolve(stream.rstCode));
  const error = await failure(cri.runtime.version({}, {timeoutMs: 50}));
  expect(error.code).toBe(Code.DeadlineExceeded);
  expect(await reset.promise).toBe(http2.constants.NGHTTP2_CANCEL);
});

test('gives a call up when its signal says so', async () => {
  const controller = new AbortController();
  const reset = Promise.withResolvers<number | undefined>();
  serve = (stream) => {
    stream.on('close', () => reset.resolve(stream.rstCode));
    controller.abort();
  };
  const error = await failure(cri.runtime.version({}, {signal: controller.signal}));
  expect(error.code).toBe(Code.Canceled);
  expect(await reset.promise).toBe(http2.constants.NGHTTP2_CANCEL);
  expect((await failure(cri.runtime.version({}, {signal: controller.signal}))).code).toBe(Code.Canceled);
});

test('says that nobody answers when the runtime ends, and reaches the next one', async () => {
  serve = () => void unplug();
  expect((await failure(cri.runtime.version({}))).code).toBe(Code.Unavailable);
  rmSync(socket, {force: true});
  await failure(cri.runtime.version({}));
  await listen();
  serve = (stream) => answer(stream, [versionOf('again')]);
  expect((await cri.runtime.version({})).runtimeName).toBe('again');
});

test('refuses what is no gRPC answer, or more than it takes', async () => {
  serve = (stream) => {
    stream.respond({':status': 503});
    stream.end('no');
  };
  expect((await failure(cri.runtime.version({}))).rawMessage).toContain('503');
  serve = (stream) => answer(stream, [versionOf('short').subarray(0, 8)]);
  expect((await failure(cri.runtime.version({}))).code).toBe(Code.Internal);
  serve = (stream) => answer(stream, [Buffer.alloc(17 * 1024 * 1024)]);
  expect((await failure(cri.runtime.version({}))).code).toBe(Code.ResourceExhausted);
});
