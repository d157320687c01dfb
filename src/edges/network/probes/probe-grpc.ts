import * as http2 from 'node:http2';
import {joinHostPort} from '../../../lib/addresses.ts';
import {fairTimeout} from '../../http/fair-timeout.ts';
import {socketWords} from './go-words.ts';
import type {NetResult} from './probe-net.ts';

/** grpc-go's bound for a message. */
const maxGrpcBytes = 4 * 1024 * 1024;

/** google.golang.org/grpc/codes, by number. */
const codes =
  'OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated'.split(
    ' ',
  );
/** grpc.health.v1.HealthCheckResponse.ServingStatus, by number. */
const servingStates = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** Nobody may listen yet: grpc-go tries again after so long, until the time is over. */
const reconnectMs = 1000;

/** One call of grpc.health.v1.Health/Check over plain HTTP/2; the two messages are a string and an enum. */
export function grpcProbe(
  host: string,
  port: number,
  service: string,
  timeoutMs: number,
): Promise<NetResult> {
  const {promise, resolve} = Promise.withResolvers<NetResult>();
  const address = joinHostPort(host, port);
  const within = `within ${timeoutMs / 1000}s`;
  let connected = false;
  let session: http2.ClientHttp2Session | undefined;
  let over = false;
  let cancelNext = () => {};
  const cancel = fairTimeout(timeoutMs, () =>
    end(
      'failure',
      connected
        ? `timeout: health rpc did not complete ${within}`
        : `timeout: failed to connect service "${address}" ${within}: context deadline exceeded`,
    ),
  );
  const end = (outcome: NetResult['outcome'], message: string) => {
    cancel();
    cancelNext();
    over = true;
    session?.destroy();
    resolve({outcome, message});
  };
  const fail = (error: Error) => {
    const why = `error reading from server: ${socketWords(error)}`;
    if (connected)
      end('failure', `error: health rpc probe failed: rpc error: code = Unavailable desc = ${why}`);
  };
  const dial = () => {
    if (over) return;
    const made = http2.connect(`http://${address}`);
    session = made;
    made.on('error', fail);
    made.once('remoteSettings', () => {
      connected = true;
      cancelNext();
      ask(made, service, end, fail);
    });
    cancelNext = fairTimeout(reconnectMs, () => {
      if (made.destroyed) dial();
      else if (!connected) made.once('close', dial);
    });
  };
  dial();
  return promise;
}

function ask(
  session: http2.ClientHttp2Session,
  service: string,
  end: (outcome: NetResult['outcome'], message: string) => void,
  fail: (error: Error) => void,
): void {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'kube-probe/1.36',
  });
  const chunks: Buffer[] = [];
  let size = 0;
  let told: Told = {};
  const note = (headers: Told) => {
    told = {...told, ...headers};
  };
  stream.on('response', note);
  stream.on('trailers', note);
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxGrpcBytes)
      end('failure', `error: health rpc probe failed: message larger than max (${maxGrpcBytes})`);
    else chunks.push(chunk);
  });
  stream.on('error', fail);
  stream.on('end', () => {
    const problem = problemOf(told) ?? unhealthy(Buffer.concat(chunks));
    end(problem === undefined ? 'success' : 'failure', problem ?? 'service healthy');
  });
  stream.end(checkRequest(service));
}

type Told = {
  readonly 'grpc-status'?: unknown;
  readonly 'grpc-message'?: unknown;
  readonly ':status'?: unknown;
};

/** Why there is no answer to read (pkg/probe/grpc). */
function problemOf(told: Told): string | undefined {
  const status = told['grpc-status'];
  if (status === undefined)
    return `error: health rpc probe failed: no gRPC status in an HTTP answer of ${String(told[':status'])}`;
  const code = codes[Number(status)] ?? `Code(${String(status)})`;
  if (code === 'OK') return undefined;
  const message = decoded(String(told['grpc-message'] ?? ''));
  if (code === 'Unimplemented')
    return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${message}`;
  return `error: health rpc probe failed: rpc error: code = ${code} desc = ${message}`;
}

/** Bytes that are no printable ASCII come in percent-encoding. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** gRPC's frame (not compressed, four bytes of length) around field 1, a string. */
function checkRequest(service: string): Buffer {
  const text = Buffer.from(service);
  const length = text.length < 128 ? [text.length] : [(text.length & 127) | 128, text.length >> 7];
  const message = text.length === 0 ? Buffer.alloc(0) : Buffer.from([0x0a, ...length, ...text]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

/** Field 1 of the answer is an enum, which is left out where it is 0; undefined when it is SERVING. */
function unhealthy(frame: Buffer): string | undefined {
  if (frame.length < 5) return 'error: health rpc probe failed: the answer has no message';
  if (frame[0] !== 0) return 'error: health rpc probe failed: the answer is compressed';
  const state = frame[5] === 0x08 ? (frame[6] ?? 0) : 0;
  return state === 1 ? undefined : `service unhealthy (responded with "${servingStates[state] ?? state}")`;
}
