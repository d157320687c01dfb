import {type FileHandle, open, unlink} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** In memory, as a rule: a full disk must not keep Services from being served. */
const directories = ['/run', '/dev/shm', tmpdir()];
let count = 0;

/**
 * Gives `use` a path that nft can read statements from, one on a line. Not its standard input: Node's pipes are
 * sockets, and nft 1.0.8 and 1.0.9 refuse to read what is neither a file nor a pipe. The file has no name any more by
 * then, so that nothing is left of it whoever is killed. Written piece by piece: the text of a large table is never
 * whole in memory.
 */
export async function withStatements<T>(
  statements: readonly string[],
  use: (path: string) => Promise<T>,
): Promise<T> {
  const file = await openNameless();
  try {
    await file.writeFile(pieces(statements));
    return await use(`/proc/${process.pid}/fd/${file.fd}`);
  } finally {
    await file.close();
  }
}

async function openNameless(): Promise<FileHandle> {
  const name = `.nodectl-nft-${process.pid}-${++count}`;
  let failure: unknown;
  for (const directory of directories) {
    const path = join(directory, name);
    try {
      const file = await open(path, 'wx', 0o600);
      await unlink(path);
      return file;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

const pieceLength = 64 * 1024;

function* pieces(statements: readonly string[]): Generator<string> {
  let piece = '';
  for (const statement of statements) {
    piece += `${statement}\n`;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

/** The same for a few: arguments that nft takes for one input. */
export function asArguments(statements: readonly string[]): string[] {
  return statements.map((statement) => `${statement};`);
}
