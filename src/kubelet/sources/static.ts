import {basename} from 'node:path';
import {parseStaticPod} from '../../config/pod/static-pod.ts';
import {readText, regularFiles} from '../../edges/files/files.ts';
import {watchDirectory} from '../../edges/files/watch-directory.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {type Clock, microTimestamp} from '../../lib/time.ts';
import {fullName} from './mirror.ts';

export type StaticSourceOptions = {
  /** Or one file alone. '': there are none. */
  readonly directory: string;
  readonly everyMs: number;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** All static pods, each time they have changed. */
  readonly onPods: (pods: readonly Pod[]) => void;
};

export type StaticSource = {hasSynced(): boolean; stop(): void};

/** Pods from files. A file that cannot be read as a pod is told once and does not touch the others. */
export function startStaticSource(options: StaticSourceOptions): StaticSource {
  if (options.directory === '') return {hasSynced: () => true, stop: () => undefined};
  const known = new Map<string, {text: string; pod: Pod | undefined}>();
  let synced = false;
  let running = false;
  let again = false;
  const gone = new Set<string>();
  const tell = (without: ReadonlySet<string>) =>
    options.onPods(named(options.log, new Map([...known].filter(([name]) => !without.has(name)))));
  const read = async (taken: ReadonlySet<string>) => {
    for (const name of taken) gone.add(name);
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      try {
        // A file that was away for a moment ends its pod, also when it has come back as it was.
        const back = new Set([...gone].filter((name) => known.has(name)));
        gone.clear();
        if (back.size > 0) tell(back);
        const changed = (await readAll(options, known)) || back.size > 0 || !synced;
        synced = true;
        if (changed) tell(new Set());
      } catch (error) {
        options.log.warn('static pods cannot be read', {error: describeError(error)});
      }
    } while (again);
    running = false;
  };
  const stop = watchDirectory(options.directory, options.everyMs, options.clock, (taken) => void read(taken));
  return {hasSynced: () => synced, stop};
}

/** Of files with pods of one name the last one counts, in the order of their own names (config/file.go, replaceStore). */
function named(log: Logger, files: ReadonlyMap<string, {readonly pod: Pod | undefined}>): Pod[] {
  const pods = new Map<string, {readonly pod: Pod; readonly file: string}>();
  for (const [file, {pod}] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (pod === undefined) continue;
    const name = fullName(pod);
    const before = pods.get(name)?.file;
    if (before !== undefined)
      log.warn('two files tell a static pod of one name: the first is not run', {pod: name, before, file});
    pods.set(name, {pod, file});
  }
  return [...pods.values()].map(({pod}) => pod);
}

/** True when something has changed. */
async function readAll(
  {directory, nodeName, clock, log}: StaticSourceOptions,
  known: Map<string, {text: string; pod: Pod | undefined}>,
): Promise<boolean> {
  let changed = false;
  // Names that begin with a dot are editors' and our own half-written files.
  const files = new Map((await regularFiles(directory)).map((path) => [basename(path), path]));
  for (const name of known.keys()) if (!files.has(name)) changed = known.delete(name) || changed;
  for (const [name, path] of files) {
    const text = await readText(path).catch(() => undefined);
    if (text === undefined || known.get(name)?.text === text) continue;
    changed = true;
    const before = known.get(name)?.pod;
    try {
      known.set(name, {text, pod: parseStaticPod(text, path, nodeName, microTimestamp(clock.now()))});
    } catch (error) {
      log.error('a static pod is not run', {path, error: describeError(error)});
      // A file that was good keeps its pod: half a write must not end it.
      known.set(name, {text, pod: before});
    }
  }
  return changed;
}
