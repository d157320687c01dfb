import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describeError} from '../../lib/errors.ts';
import {listDirectory, makeDirectory, readText, removeFile, writeAtomic} from '../files/files.ts';

/** The journal's files: numbered entries and saved pre-images, each written whole and synced. */
export type JournalStore = {
  readonly dir: string;
  /** `fault`: why the disk did not give it. */
  read(): Promise<{name: string; text: string; fault?: string}[]>;
  write(name: string, content: string | Uint8Array): Promise<void>;
  readBytes(name: string): Promise<Uint8Array>;
  remove(name: string): Promise<void>;
};

export function journalStore(dir: string): JournalStore {
  return {
    dir,
    async read() {
      const names = (await listDirectory(dir)).filter((name) => /^\d+\.json$/.test(name));
      return Promise.all(names.map((name) => readOne(dir, name)));
    },
    async write(name, content) {
      await makeDirectory(dir, 0o700);
      await writeAtomic(join(dir, name), content);
    },
    readBytes: (name) => readFile(join(dir, name)),
    remove: (name) => removeFile(join(dir, name)),
  };
}

/** One file that a disk has lost keeps no other from being read. */
async function readOne(dir: string, name: string): Promise<{name: string; text: string; fault?: string}> {
  try {
    return {name, text: (await readText(join(dir, name))) ?? ''};
  } catch (error) {
    return {name, text: '', fault: describeError(error)};
  }
}
