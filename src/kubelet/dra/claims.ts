import {readText, writeAtomic} from '../../edges/files/files.ts';
import {Serial} from '../../lib/control/serial.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import {checkpointName, readCheckpoint, writeCheckpoint} from './checkpoint.ts';
import {type ClaimRecord, claimKey} from './types.ts';

/** The claims that this node has prepared or is about to, kept on disk: drivers must be told of each one's end. */
export class Claims {
  readonly #path: string;
  readonly #byKey = new Map<string, ClaimRecord>();
  readonly #writes = new Serial();
  readonly #locks = new Serial();

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws NodectlError ND721 for a file that is damaged: what it told of may still be in use */
  static async open(rootDir: string): Promise<Claims> {
    const path = `${rootDir}/${checkpointName}`;
    const claims = new Claims(path);
    const text = await readText(path);
    try {
      for (const record of text === undefined ? [] : readCheckpoint(text)) claims.add(record);
    } catch (error) {
      throw new NodectlError('ND721', `${path}: ${describeError(error)}`, {
        cause: error,
        next: ['Drain the node, remove the file, and start the kubelet again.'],
      });
    }
    return claims;
  }

  get(namespace: string, name: string): ClaimRecord | undefined {
    return this.#byKey.get(claimKey({namespace, name}));
  }

  all(): ClaimRecord[] {
    return [...this.#byKey.values()];
  }

  ofPod(uid: string): ClaimRecord[] {
    return this.all().filter(({pods}) => pods.has(uid));
  }

  add(record: ClaimRecord): void {
    this.#byKey.set(claimKey(record), record);
  }

  remove(record: ClaimRecord): void {
    this.#byKey.delete(claimKey(record));
  }

  /** Nobody else prepares or gives back any of these claims meanwhile; taken in one order, so that nobody waits for ever. */
  locked<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const inner = (left: readonly string[]): Promise<T> => {
      const [first, ...others] = left;
      return first === undefined ? work() : this.#locks.run(first, () => inner(others));
    };
    return inner([...new Set(keys)].sort());
  }

  write(): Promise<void> {
    return this.#writes.run('checkpoint', () =>
      writeAtomic(this.#path, writeCheckpoint(this.#byKey.values())),
    );
  }
}
