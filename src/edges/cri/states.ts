import {Code, ConnectError} from '@connectrpc/connect';
import {
  ContainerSchema,
  ListContainersResponseSchema,
  ListPodSandboxResponseSchema,
  PodSandboxSchema,
  RuntimeService,
} from './gen/api_pb.ts';
import type {Exchange} from './unary.ts';

/** `uid`: of its pod, undefined for what is no pod's. `state`: as the CRI counts it. */
export type ListedState = {readonly id: string; readonly uid: string | undefined; readonly state: number};

export type RuntimeStates = {
  readonly sandboxes: readonly ListedState[];
  readonly containers: readonly ListedState[];
};

export type StateOptions = {readonly timeoutMs?: number; readonly signal?: AbortSignal};

const uidLabel = Buffer.from('io.kubernetes.pod.uid');
const everything = new Uint8Array(0);

/**
 * The states of all that the runtime has. A kubelet asks for them every few seconds and wants three fields of each
 * message: they are read where they stand, for to build the messages of a hundred pods takes seven megabytes.
 */
export function stateLists(exchange: Exchange): (options?: StateOptions) => Promise<RuntimeStates> {
  const {listPodSandbox, listContainers} = RuntimeService.method;
  return async ({timeoutMs, signal} = {}) => {
    const [pods, all] = await Promise.all([
      exchange(listPodSandbox, everything, signal, timeoutMs),
      exchange(listContainers, everything, signal, timeoutMs),
    ]);
    return {
      sandboxes: statesIn(pods, ListPodSandboxResponseSchema.field.items, PodSandboxSchema),
      containers: statesIn(all, ListContainersResponseSchema.field.containers, ContainerSchema),
    };
  };
}

type Field = {readonly number: number};
type ItemFields = {readonly field: {readonly id: Field; readonly state: Field; readonly labels: Field}};

/** @throws ConnectError when the bytes end in the midst of something */
export function statesIn(message: Uint8Array, items: Field, item: ItemFields): ListedState[] {
  const at = new Cursor(message);
  const found: ListedState[] = [];
  at.each(message.length, (field, end) => {
    if (field === items.number) found.push(stateIn(at, end, item.field));
  });
  return found;
}

function stateIn(at: Cursor, end: number, {id, state, labels}: ItemFields['field']): ListedState {
  let found: ListedState = {id: '', uid: undefined, state: 0};
  at.each(end, (field, fieldEnd) => {
    if (field === id.number) found = {...found, id: at.text(fieldEnd)};
    else if (field === state.number) found = {...found, state: at.number()};
    else if (field === labels.number) found = {...found, uid: uidIn(at, fieldEnd) ?? found.uid};
  });
  return found;
}

/** An entry of a map is a message of key (1) and value (2). */
function uidIn(at: Cursor, end: number): string | undefined {
  let isUid = false;
  let uid: string | undefined;
  at.each(end, (field, fieldEnd) => {
    if (field === 1) isUid = at.holds(uidLabel, fieldEnd);
    else if (field === 2 && isUid) uid = at.text(fieldEnd);
  });
  return isUid ? uid : undefined;
}

/** Reads a message of Protocol Buffers from one end to the other. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor({buffer, byteOffset, length}: Uint8Array) {
    this.#bytes = Buffer.from(buffer, byteOffset, length);
  }

  /** Tells each field up to `end` where its value ends; what `read` leaves of it is passed over. */
  each(end: number, read: (field: number, end: number) => void): void {
    while (this.#at < end) {
      const tag = this.number();
      const valueEnd = this.#endOf(tag % 8);
      if (valueEnd > end) throw cutOff();
      read(Math.floor(tag / 8), valueEnd);
      this.#at = valueEnd;
    }
  }

  number(): number {
    let value = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw cutOff();
      value += (byte % 128) * weight;
      if (byte < 128) return value;
    }
  }

  text(end: number): string {
    return this.#bytes.toString('utf8', this.#at, end);
  }

  holds(other: Buffer, end: number): boolean {
    return this.#bytes.compare(other, 0, other.length, this.#at, end) === 0;
  }

  /** Where the value of a wire type that begins here ends; of one with a length, behind that length. */
  #endOf(wireType: number): number {
    if (wireType === 2) {
      const length = this.number();
      return this.#at + length;
    }
    if (wireType === 1) return this.#at + 8;
    if (wireType === 5) return this.#at + 4;
    if (wireType !== 0) throw new ConnectError(`wire type ${wireType} is unknown`, Code.Internal);
    let end = this.#at;
    while ((this.#bytes[end] ?? 0) >= 128) end++;
    return end + 1;
  }
}

function cutOff(): ConnectError {
  return new ConnectError('the answer ends in the midst of a message', Code.Internal);
}
