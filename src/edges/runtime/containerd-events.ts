import * as http2 from 'node:http2';
import {connect} from 'node:net';
import type {Clock} from '../../lib/time.ts';
import {socketPath} from '../cri/client.ts';

/** A container's own process has ended, or the task that it was. */
export type TaskEvent = {readonly topic: string; readonly containerId: string};

export type TaskEventsOptions = {
  readonly endpoint: string;
  readonly clock: Clock;
  /** From now on nothing is missed. */
  readonly onAccepted: () => void;
  readonly onEvent: (event: TaskEvent) => void;
  readonly signal: AbortSignal;
};

/** The namespace in which containerd's CRI plugin keeps its containers. */
const namespace = 'k8s.io';
const topics = ['/tasks/exit', '/tasks/delete'];

/** A server's answer begins with its first event, a refusal comes at once: who says nothing so long has accepted. */
const acceptedAfterMs = 1000;

/**
 * Follows containerd's own event stream, which says at once when a process has ended; also where the CRI has no
 * events yet (containerd 1.6). Resolves when the stream ends, with what had become of it.
 */
export function followTasks(options: TaskEventsOptions): Promise<'followed' | 'refused' | 'unreachable'> {
  const {endpoint, clock, onAccepted, onEvent, signal} = options;
  const {promise, resolve} = Promise.withResolvers<'followed' | 'refused' | 'unreachable'>();
  const session = http2.connect('http://localhost', {createConnection: () => connect(socketPath(endpoint))});
  let state: 'followed' | 'refused' | 'unreachable' = 'unreachable';
  let cancel = () => {};
  const accept = () => {
    if (state !== 'unreachable') return;
    state = 'followed';
    onAccepted();
  };
  const end = () => {
    cancel();
    signal.removeEventListener('abort', end);
    session.destroy();
    resolve(state);
  };
  signal.addEventListener('abort', end, {once: true});
  session.on('error', end);
  session.on('close', end);
  session.once('remoteSettings', () => {
    cancel = clock.after(acceptedAfterMs, accept);
  });
  const stream = session.request({
    ':method': 'POST',
    ':path': '/containerd.services.events.v1.Events/Subscribe',
    'content-type': 'application/grpc',
    'containerd-namespace': namespace,
    te: 'trailers',
  });
  const frames = new Frames((message) => {
    const event = taskEvent(message);
    if (event !== undefined) onEvent(event);
  });
  stream.on('response', (headers) => {
    if (headers['grpc-status'] === undefined) accept();
    else state = 'refused';
  });
  stream.on('data', (chunk: Buffer) => frames.push(chunk));
  stream.on('error', end);
  stream.on('end', end);
  stream.end(subscription());
  return promise;
}

/** SubscribeRequest: field 1, a filter each; one that fits is enough. */
function subscription(): Buffer {
  const filters = topics.map((topic) => Buffer.from(`namespace=="${namespace}",topic=="${topic}"`));
  const message = Buffer.concat(filters.flatMap((filter) => [Buffer.from([0x0a, filter.length]), filter]));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Cuts a gRPC stream into messages: a flag byte, four bytes of length. */
class Frames {
  readonly #onMessage: (message: Buffer) => void;
  #rest = Buffer.alloc(0);

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 5) {
      const end = 5 + this.#rest.readUInt32BE(1);
      if (this.#rest.length < end) return;
      this.#onMessage(this.#rest.subarray(5, end));
      this.#rest = this.#rest.subarray(end);
    }
  }
}

/**
 * Envelope: topic is field 3, event (an Any, its value is field 2) field 4. In every task event the container's id
 * is field 1; the process that has exited is field 2 of TaskExit. Of a program that was run in the container (an exec
 * probe) nothing is told: the container goes on.
 */
export function taskEvent(envelope: Uint8Array): TaskEvent | undefined {
  const fields = byteFields(envelope);
  const event = fields.get(4);
  const value = event === undefined ? undefined : byteFields(event).get(2);
  const named = value === undefined ? undefined : byteFields(value);
  const [id, topic] = [named?.get(1), fields.get(3)];
  if (topic === undefined || id === undefined) return undefined;
  const process = named?.get(2);
  if (text(topic) === '/tasks/exit' && process !== undefined && text(process) !== text(id)) return undefined;
  return {topic: text(topic), containerId: text(id)};
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The length-delimited fields of a protobuf message; of repeated ones the last. Damaged input gives fewer. */
function byteFields(message: Uint8Array): Map<number, Uint8Array> {
  const fields = new Map<number, Uint8Array>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; at < message.length && shift < 64; shift += 7) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < message.length) {
    const key = varint();
    const wire = key & 7;
    if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = varint();
      fields.set(key >>> 3, message.subarray(at, at + length));
      at += length;
    } else return fields;
  }
  return fields;
}
