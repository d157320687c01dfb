import {isSea} from 'node:sea';

/** The words that start nodectl again: the single binary, or Node with the bundle that runs now. */
export function ownProgram(): readonly string[] {
  return isSea() ? [process.execPath] : [process.execPath, process.argv[1] ?? ''];
}
