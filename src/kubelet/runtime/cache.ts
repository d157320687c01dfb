import type {Cri} from '../../edges/cri/client.ts';
import {PodSandboxState} from '../../edges/cri/gen/api_pb.ts';
import type {RuntimeStates} from '../../edges/cri/states.ts';
import {nothingRuns, type PodRuntime} from '../pod/status/runtime-state.ts';
import {stateName} from './convert.ts';
import {type Changed, readChanged, readPod} from './read.ts';

export type {Changed} from './read.ts';

export type RuntimeCacheOptions = {
  readonly cri: Cri;
  readonly timeoutMs: number;
  /** The runtime has something else of this pod than what was last read. */
  readonly onChange: (uid: string) => void;
  /** Begins to read one pod; the answer is to be told the end. */
  readonly onRead?: (() => () => void) | undefined;
};

type Entry = {
  known: PodRuntime;
  signature: string;
  stale: boolean;
  /** What answered calls of our own have changed since it was read. */
  changed: readonly Changed[];
};

/**
 * What the runtime has, by pod UID. A pod is read again only after something happened to it: an event, an act of our
 * own, or a list that shows another picture. No clocks are compared. Of an act that was answered only what it has
 * changed is read: to list a pod costs a runtime a look at all that it has.
 */
export class RuntimeCache {
  readonly #options: RuntimeCacheOptions;
  readonly #entries = new Map<string, Entry>();
  /** How many calls of our own end a container or sandbox just now. */
  readonly #awaited = new Map<string, number>();
  /** Set by the first list: before it, absence means nothing. */
  #listed = false;

  constructor(options: RuntimeCacheOptions) {
    this.#options = options;
  }

  get hasListed(): boolean {
    return this.#listed;
  }

  /** UIDs of all pods of which the runtime has something. */
  uids(): string[] {
    return [...this.#entries.keys()];
  }

  /** What was last read, without asking. */
  peek(uid: string): PodRuntime | undefined {
    return this.#entries.get(uid)?.known;
  }

  /** The pod of a container or sandbox that was read before. */
  podOf(id: string): string | undefined {
    for (const [uid, {known}] of this.#entries)
      if (known.containers.some((c) => c.id === id) || known.sandboxes.some((s) => s.id === id)) return uid;
    return undefined;
  }

  /**
   * Does what ends a container or sandbox, whose answer is looked at: what the runtime tells of that end meanwhile need
   * not be. A pod that goes would be read four times more.
   */
  async awaitEnd<T>(id: string, call: () => Promise<T>): Promise<T> {
    this.#awaited.set(id, (this.#awaited.get(id) ?? 0) + 1);
    try {
      return await call();
    } finally {
      const left = (this.#awaited.get(id) ?? 0) - 1;
      if (left > 0) this.#awaited.set(id, left);
      else this.#awaited.delete(id);
    }
  }

  /**
   * Whether what was read last shows the end of a container or sandbox, or nothing of it any more; or whether a call of
   * our own is about to tell of it.
   */
  hasEnded(id: string): boolean {
    if (this.#awaited.has(id)) return true;
    const known = this.#entries.get(this.podOf(id) ?? '')?.known ?? nothingRuns;
    return (
      known.containers.every((container) => container.id !== id || container.state === 'exited') &&
      known.sandboxes.every((sandbox) => sandbox.id !== id || !sandbox.ready)
    );
  }

  async get(uid: string, signal?: AbortSignal): Promise<PodRuntime> {
    const entry = this.#entries.get(uid);
    // A pod that the list has not shown and that nobody touched has nothing in the runtime.
    if (entry === undefined) return this.#listed ? nothingRuns : this.#read(uid, undefined, signal);
    if (!entry.stale && entry.changed.length === 0) return entry.known;
    return this.#read(uid, entry, signal);
  }

  /**
   * Does what makes, changes or removes something of a pod. What its answer says is read again alone; after a failure
   * nobody knows how far it went, and the pod is read as a whole.
   */
  async act<T>(uid: string, call: () => Promise<T>, changed: (answer: T) => readonly Changed[]): Promise<T> {
    try {
      const answer = await call();
      this.#note(uid, changed(answer));
      return answer;
    } catch (error) {
      this.touch(uid);
      throw error;
    }
  }

  #note(uid: string, changed: readonly Changed[]): void {
    const entry = this.#entries.get(uid);
    if (entry !== undefined) entry.changed = [...entry.changed, ...changed];
    else this.#entries.set(uid, {...nothingRead(), stale: !this.#listed, changed});
  }

  /** Something has happened to the pod: it is read as a whole, not assumed to be empty. */
  touch(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) this.#entries.set(uid, nothingRead());
    else entry.stale = true;
  }

  /** As `touch`, where something changed that no list shows: nothing of what was read is believed. */
  reread(uid: string): void {
    this.#entries.set(uid, nothingRead());
  }

  async #read(uid: string, before: Entry | undefined, signal?: AbortSignal): Promise<PodRuntime> {
    const {cri, timeoutMs, onRead} = this.#options;
    const ended = onRead?.();
    const options = {timeoutMs, ...(signal === undefined ? {} : {signal})};
    const changed = before?.changed ?? [];
    const whole = before === undefined || before.stale;
    // What becomes stale while we read must be read once more.
    if (before !== undefined) Object.assign(before, {stale: false, changed: []});
    try {
      const read = whole
        ? await readPod(cri, uid, before?.known, options)
        : await readChanged(cri, before.known, changed, options);
      ended?.();
      const entry = this.#entries.get(uid);
      const signature = signatureOf(read);
      if (entry !== undefined) Object.assign(entry, {known: read, signature});
      else if (signature !== '')
        this.#entries.set(uid, {...nothingRead(), known: read, signature, stale: false});
      return read;
    } catch (error) {
      if (before !== undefined) before.stale = true;
      throw error;
    }
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  /** Lists everything once and tells which pods look otherwise than when they were last read. */
  async relist(): Promise<void> {
    const {cri, timeoutMs, onChange} = this.#options;
    const before = new Map([...this.#entries].map(([uid, {signature}]) => [uid, signature]));
    const seen = signatures(await cri.states({timeoutMs}));
    this.#listed = true;
    for (const uid of new Set([...before.keys(), ...seen.keys()])) {
      if ((seen.get(uid) ?? '') === (before.get(uid) ?? '')) continue;
      this.touch(uid);
      onChange(uid);
    }
  }
}

function nothingRead(): Entry {
  return {known: nothingRuns, signature: '', stale: true, changed: []};
}

function signatures({sandboxes, containers}: RuntimeStates): Map<string, string> {
  const parts = new Map<string, string[]>();
  const add = (uid: string | undefined, part: string) => {
    if (uid === undefined) return;
    const known = parts.get(uid);
    if (known === undefined) parts.set(uid, [part]);
    else known.push(part);
  };
  for (const {id, state, uid} of sandboxes) add(uid, `${id}:${state === PodSandboxState.SANDBOX_READY}`);
  for (const {id, state, uid} of containers) add(uid, `${id}:${stateName(state)}`);
  return new Map([...parts].map(([uid, list]) => [uid, list.sort().join()]));
}

function signatureOf({sandboxes, containers}: PodRuntime): string {
  const parts = [
    ...sandboxes.map(({id, ready}) => `${id}:${ready}`),
    ...containers.map(({id, state}) => `${id}:${state}`),
  ];
  return parts.sort().join();
}
