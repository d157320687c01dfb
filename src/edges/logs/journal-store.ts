import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {listDirectory, makeDirectory, readText, removeFile, writeAtomic} from '../files/files.ts';

/** The journal's files: numbered entries and saved pre-images, each written whole and synced. */
export type JournalStore = {
  readonly dir: string;
  read(): Promise<{name: string; text: string}[]>;
  write(name: string, content: string | Uint8Array): Promise<void>;
  readBytes(name: string): Promise<Uint8Array>;
  remove(name: string): Promise<void>;
};

export function journalStore(dir: string): JournalStore {
  return {
    dir,
    async read() {
      const names = (await listDirectory(dir)).filter((name) => /^\d+\.json$/.test(name));
      return Promise.all(names.map(async (name) => ({name, text: (await readText(join(dir, name))) ?? ''})));
    },
    async write(name, content) {
      await makeDirectory(dir, 0o700);
      await writeAtomic(join(dir, name), content);
    },
    readBytes: (name) => readFile(join(dir, name)),
    remove: (name) => removeFile(join(dir, name)),
  };
}
