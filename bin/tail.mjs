// What stands behind the executable: each chunk's source and code cache, an index of them, the length of that index.
import {appendFileSync, readdirSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';

export function appendChunks(executable, chunks, caches) {
  let offset = statSync(executable).size;
  const index = {};
  const parts = [];
  for (const name of readdirSync(chunks)) {
    const [source, cache] = [readFileSync(join(chunks, name)), readFileSync(join(caches, name))];
    index[name] = [offset, source.length, cache.length];
    parts.push(source, cache);
    offset += source.length + cache.length;
  }
  const written = Buffer.from(JSON.stringify(index));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(written.length);
  appendFileSync(executable, Buffer.concat([...parts, written, length]));
}
