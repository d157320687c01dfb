import * as http2 from 'node:http2';
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import {Code, ConnectError, type Transport, type UnaryResponse} from '@connectrpc/connect';
import type {Http2SessionManager} from '@connectrpc/connect-node';

export type UnaryOptions = {
  readonly session: Http2SessionManager;
  readonly defaultTimeoutMs: number;
  readonly maxBytes: number;
  readonly onCall?: (method: string, seconds: number, failed: boolean) => void;
};

/** A flag and a length go before each message (gRPC over HTTP/2). */
const headBytes = 5;
const maxTimeoutMs = 99_999_999;

/** One message there and one back, as bytes. @throws ConnectError */
export type Exchange = (
  method: {readonly parent: {readonly typeName: string}; readonly name: string},
  message: Uint8Array,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
) => Promise<Uint8Array>;

/**
 * Calls with one message each way, straight over HTTP/2. A kubelet makes some dozens of them for each pod, and
 * connect-node's stack of generators cost more than all that was done with their answers.
 */
export function openExchange(options: UnaryOptions): Exchange {
  return async ({parent, name}, message, signal, timeoutMs) => {
    const startMs = performance.now();
    let failed = true;
    try {
      const bounds = {signal, timeoutMs: timeoutMs ?? options.defaultTimeoutMs, maxBytes: options.maxBytes};
      const answer = await call(options.session, `/${parent.typeName}/${name}`, framed(message), bounds);
      failed = false;
      return answer;
    } finally {
      options.onCall?.(name, (performance.now() - startMs) / 1000, failed);
    }
  };
}

export function unaryCalls(exchange: Exchange): Transport['unary'] {
  return async <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    _header: unknown,
    input: MessageInitShape<I>,
  ): Promise<UnaryResponse<I, O>> => {
    const asked = toBinary(method.input, create(method.input, input));
    return new Answer(method, fromBinary(method.output, await exchange(method, asked, signal, timeoutMs)));
  };
}

/** Nobody asks for its headers, and Node's own cost twenty milliseconds when they are first made. */
class Answer<I extends DescMessage, O extends DescMessage> implements UnaryResponse<I, O> {
  readonly stream = false;
  readonly service: DescService;
  readonly method: DescMethodUnary<I, O>;
  readonly message: MessageShape<O>;

  constructor(method: DescMethodUnary<I, O>, message: MessageShape<O>) {
    this.service = method.parent;
    this.method = method;
    this.message = message;
  }

  get header(): Headers {
    return new Headers();
  }

  get trailer(): Headers {
    return new Headers();
  }
}

function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + message.length);
  bytes.writeUInt8(0, 0);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, headBytes);
  return bytes;
}

type Bounds = {
  readonly signal: AbortSignal | undefined;
  /** None when not above 0. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
};

/** @throws ConnectError */
async function call(
  session: Http2SessionManager,
  path: string,
  bytes: Buffer,
  {signal, timeoutMs, maxBytes}: Bounds,
): Promise<Uint8Array> {
  if (signal?.aborted) throw abortion(signal);
  const {promise, resolve, reject} = Promise.withResolvers<Uint8Array>();
  let stream: http2.ClientHttp2Stream | undefined;
  const giveUp = (error: ConnectError) => {
    reject(error);
    stream?.close(http2.constants.NGHTTP2_CANCEL);
  };
  const aborted = () => signal !== undefined && giveUp(abortion(signal));
  const late = () => giveUp(new ConnectError('the operation timed out', Code.DeadlineExceeded));
  const timer = timeoutMs > 0 ? setTimeout(late, Math.min(timeoutMs, maxTimeoutMs)) : undefined;
  signal?.addEventListener('abort', aborted, {once: true});
  let over = false;
  session.request('POST', path, headers(timeoutMs), {}).then((opened) => {
    stream = opened;
    answerOf(opened, maxBytes).then(resolve, reject);
    // Given up while it was dialled.
    if (over) opened.close(http2.constants.NGHTTP2_CANCEL);
    else opened.end(bytes);
  }, reject);
  try {
    return await promise;
  } finally {
    over = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
  }
}

function abortion(signal: AbortSignal): ConnectError {
  return ConnectError.from(signal.reason, Code.Canceled);
}

function headers(timeoutMs: number): http2.OutgoingHttpHeaders {
  return {
    'content-type': 'application/grpc+proto',
    te: 'trailers',
    ...(timeoutMs > 0 ? {'grpc-timeout': `${Math.min(Math.ceil(timeoutMs), maxTimeoutMs)}m`} : {}),
  };
}

/** The message of an answer, or the error that its trailers tell. */
function answerOf(stream: http2.ClientHttp2Stream, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  let told: http2.IncomingHttpHeaders = {};
  const {promise, resolve, reject} = Promise.withResolvers<Uint8Array>();
  const take = (fields: http2.IncomingHttpHeaders) => {
    told = {...told, ...fields};
  };
  stream.on('response', take);
  stream.on('trailers', take);
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    chunks.push(chunk);
    if (size > maxBytes + headBytes) stream.destroy(tooLarge(size, maxBytes));
  });
  stream.on('error', (error) =>
    reject(
      error instanceof ConnectError || error.name === 'AbortError'
        ? ConnectError.from(error)
        : new ConnectError(error.message, Code.Unavailable, undefined, undefined, error),
    ),
  );
  stream.on('close', () => {
    try {
      resolve(messageOf(told, chunks, stream.rstCode ?? 0));
    } catch (error) {
      reject(error);
    }
  });
  return promise;
}

function tooLarge(size: number, maxBytes: number): ConnectError {
  return new ConnectError(
    `message size ${size} is larger than configured ${maxBytes}`,
    Code.ResourceExhausted,
  );
}

function messageOf(told: http2.IncomingHttpHeaders, chunks: Buffer[], reset: number): Uint8Array {
  const status = told['grpc-status'];
  if (status === undefined) {
    const how = reset === 0 ? `HTTP status ${told[':status']}` : `HTTP/2 error ${reset}`;
    throw new ConnectError(`the call ended without an answer (${how})`, Code.Unavailable);
  }
  if (status !== '0') throw new ConnectError(wordsOf(told['grpc-message']), codeOf(Number(status)));
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  const isWhole = bytes.length >= headBytes && bytes.readUInt32BE(1) === bytes.length - headBytes;
  if (!isWhole || bytes[0] !== 0)
    throw new ConnectError('the answer is not one plain message', Code.Internal);
  return bytes.subarray(headBytes);
}

/** gRPC's numbers are connect's. */
function codeOf(status: number): Code {
  return Object.values(Code).find((code) => code === status) === undefined ? Code.Unknown : status;
}

/** Percent-encoded (gRPC over HTTP/2, Status-Message); what is not well-formed is shown as it is. */
function wordsOf(message: string | string[] | undefined): string {
  const text = String(message ?? '');
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
