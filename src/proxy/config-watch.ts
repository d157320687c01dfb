import {dirname} from 'node:path';
import {realClock} from '../edges/clock.ts';
import {readText} from '../edges/files/files.ts';
import {watchDirectory} from '../edges/files/watch-directory.ts';
import {NodectlError} from '../lib/errors.ts';

/** A configuration as it was read. */
export type WrittenConfig = {readonly path: string; readonly text: string};

/** What the kernel does not tell (a mounted ConfigMap changes by symlinks) is looked for this often. */
const everyMs = 10_000;

/**
 * Aborts when the file is written with other content: kube-proxy ends then (cmd/kube-proxy/app/options.go), and who
 * started it starts it again. A file that is gone, or the same again, changes nothing.
 */
export function watchConfig({path, text}: WrittenConfig): {readonly signal: AbortSignal; stop(): void} {
  const changed = new AbortController();
  const look = async (): Promise<void> => {
    const now = await readText(path).catch(() => undefined);
    if (now !== undefined && now !== '' && now !== text)
      changed.abort(new NodectlError('ND715', `${path} was written anew`));
  };
  const stop = watchDirectory(dirname(path), everyMs, realClock, () => void look());
  return {signal: changed.signal, stop};
}
