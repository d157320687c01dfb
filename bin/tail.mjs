// What stands behind the executable: the length of an index, the index, then each chunk's source and code cache.
import {appendFileSync, closeSync, openSync, readdirSync, readFileSync, readSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {elfEnd, elfHeaderBytes} from './elf.cjs';

export function appendChunks(executable, chunks, caches) {
  checkEnd(executable);
  let offset = 0;
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
  appendFileSync(executable, Buffer.concat([length, written, ...parts]));
}

/** The binary finds its chunks where its section headers end; so far nothing may stand there. */
function checkEnd(executable) {
  const header = Buffer.alloc(elfHeaderBytes);
  const file = openSync(executable);
  readSync(file, header, 0, header.length, 0);
  closeSync(file);
  const [end, {size}] = [elfEnd(header), statSync(executable)];
  if (end !== size) throw new Error(`${executable} ends at ${size}, its section headers at ${end}`);
}
