import {createHash} from 'node:crypto';
import {listDirectory, makeDirectory, readText, removeFile, writeAtomic} from '../../../edges/files/files.ts';

const fileName = /^sha256-[0-9a-f]{64}$/;

/** Files by the hash of what they are about, as the Go kubelet keeps them below `image_manager`. */
export class RecordFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async open(): Promise<void> {
    await makeDirectory(this.#dir, 0o700);
  }

  async write(key: string, record: object): Promise<void> {
    await writeAtomic(this.#path(key), `${JSON.stringify(record)}\n`, 0o600);
  }

  async remove(key: string): Promise<void> {
    await removeFile(this.#path(key));
  }

  /** Undefined: there is none; null: there is one that cannot be read. */
  async read(key: string): Promise<unknown> {
    const text = await readText(this.#path(key));
    return text === undefined ? undefined : parse(text);
  }

  async count(): Promise<number> {
    return (await this.#names()).length;
  }

  async all(): Promise<unknown[]> {
    const names = await this.#names();
    const texts = await Promise.all(names.map((name) => readText(`${this.#dir}/${name}`)));
    return texts.flatMap((text) => (text === undefined ? [] : [parse(text)]));
  }

  async #names(): Promise<string[]> {
    return (await listDirectory(this.#dir)).filter((name) => fileName.test(name));
  }

  #path(key: string): string {
    return `${this.#dir}/sha256-${createHash('sha256').update(key).digest('hex')}`;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
