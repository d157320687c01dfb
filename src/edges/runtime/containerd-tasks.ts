import * as http2 from 'node:http2';
import {connect} from 'node:net';
import {socketPath} from '../cri/client.ts';

/** The namespace in which containerd's CRI plugin keeps its containers. */
const namespace = 'k8s.io';
const tasks = '/containerd.services.tasks.v1.Tasks';
const containers = '/containerd.services.containers.v1.Containers';
const sigkill = 9;
const callTimeoutMs = 10_000;
/** The end of a process is known a little after the signal; until then its task cannot be deleted. */
const tries = 40;
const betweenMs = 50;

/**
 * Ends a task of containerd that its CRI plugin does not know of: a start that was cut off at the wrong moment leaves
 * one behind (the process is made, asking for its number fails), and neither its container nor its sandbox can be
 * removed any more. True when the task is gone; false where there are no tasks to speak of (another runtime).
 */
export async function endTask(endpoint: string, containerId: string): Promise<boolean> {
  const id = field(1, Buffer.from(containerId));
  // KillRequest: signal is field 3, `all` field 4.
  const kill = Buffer.concat([id, Buffer.from([0x18, sigkill, 0x20, 1])]);
  return withSession(endpoint, async (call) => {
    for (let at = 0; at < tries; at++) {
      await call(`${tasks}/Kill`, kill);
      const status = await call(`${tasks}/Delete`, id);
      if (status === ok || status === notFound) return true;
      if (status === unimplemented) return false;
      await new Promise((resolve) => setTimeout(resolve, betweenMs));
    }
    return false;
  });
}

/** Whether containerd says that it has no such container; false also where it does not say. */
export function isUnknownContainer(endpoint: string, containerId: string): Promise<boolean> {
  const id = field(1, Buffer.from(containerId));
  return withSession(endpoint, async (call) => (await call(`${containers}/Get`, id)) === notFound);
}

type Call = (path: string, message: Buffer) => Promise<number>;

async function withSession<T>(endpoint: string, work: (call: Call) => Promise<T>): Promise<T> {
  const session = http2.connect('http://localhost', {createConnection: () => connect(socketPath(endpoint))});
  const failed = new Promise<never>((_, reject) => session.once('error', reject));
  failed.catch(() => undefined);
  try {
    return await work((path, message) => Promise.race([unary(session, path, message), failed]));
  } finally {
    session.destroy();
  }
}

/** gRPC's numbers (google.golang.org/grpc/codes). */
const ok = 0;
const notFound = 5;
const unimplemented = 12;
const unavailable = 14;

/** One call without an answer that matters; gives its grpc-status. */
function unary(session: http2.ClientHttp2Session, path: string, message: Buffer): Promise<number> {
  const {promise, resolve, reject} = Promise.withResolvers<number>();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    'containerd-namespace': namespace,
    te: 'trailers',
  });
  let status = unavailable;
  const take = (headers: http2.IncomingHttpHeaders) => {
    const text = headers['grpc-status'];
    if (typeof text === 'string') status = Number(text);
  };
  stream.on('response', take);
  stream.on('trailers', take);
  stream.setTimeout(callTimeoutMs, () => stream.destroy(new Error(`${path}: no answer`)));
  stream.on('error', reject);
  stream.on('close', () => resolve(status));
  stream.resume();
  stream.end(Buffer.concat([head, message]));
  return promise;
}

/** A length-delimited protobuf field; ids have 64 characters. */
function field(number: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, value.length]), value]);
}
