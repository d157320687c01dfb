import {readText, writeAtomic} from '../../edges/files/files.ts';
import {Serial} from '../../lib/control/serial.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';

/** The state of a manager on disk: its loss, or another policy, is for somebody to decide who has drained the node. */
export class StateFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #writes = new Serial();
  #written: string | undefined;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** @throws NodectlError ND701 when the file does not fit */
  async read<T>(parse: (text: string | undefined) => T): Promise<T> {
    const text = await readText(this.#path);
    try {
      return parse(text);
    } catch (error) {
      throw new NodectlError('ND701', `${this.#path}: ${describeError(error)}`, {
        cause: error,
        next: [`kubectl drain this node, remove ${this.#path}, and start the kubelet again`],
      });
    }
  }

  async write(text: string): Promise<void> {
    if (text === this.#written) return;
    this.#written = text;
    try {
      await this.#writes.run('write', () => writeAtomic(this.#path, text));
    } catch (error) {
      this.#written = undefined;
      this.#log.error('the state of a resource manager could not be written down', {
        path: this.#path,
        error: describeError(error),
      });
    }
  }
}
