import {writeFile} from 'node:fs/promises';
import {isSea} from 'node:sea';

/** The words that start nodectl again: the single binary, or Node with the bundle that runs now. */
export function ownProgram(): readonly string[] {
  return isSea() ? [process.execPath] : [process.execPath, process.argv[1] ?? ''];
}

/**
 * The name that `ps -C` and kube-bench look for. Node calls its main thread MainThread, and process.title would
 * replace the command line, in which they read the flags.
 */
export async function nameProcess(name: string): Promise<void> {
  await writeFile('/proc/self/comm', name);
}
