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

/** What was read of a file; `invalid`: the pod is an earlier text's. */
type Known = {readonly text: string; readonly pod: Pod | undefined; readonly invalid: boolean};

/** Pods from files. A file that cannot be read as a pod is told once and does not touch the others. */
export function startStaticSource(options: StaticSourceOptions): StaticSource {
  if (options.directory === '') return {hasSynced: () => true, stop: () => undefined};
  const known = new Map<string, Known>();
  let synced = false;
  let running = false;
  let again = false;
  let listing = false;
  const gone = new Set<string>();
  const tell = (without: ReadonlySet<string>) =>
    options.onPods(named(options.log, new Map([...known].filter(([name]) => !without.has(name)))));
  const read = async (taken: ReadonlySet<string>, inTurn: boolean) => {
    for (const name of taken) gone.add(name);
    listing ||= inTurn;
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
        const isList = listing;
        listing = false;
        if (back.size > 0) tell(back);
        const changed = (await readAll(options, known, isList)) || back.size > 0 || !synced;
        synced = true;
        if (changed) tell(new Set());
      } catch (error) {
        options.log.warn('static pods cannot be read', {error: describeError(error)});
      }
    } while (again);
    running = false;
  };
  const look = (taken: ReadonlySet<string>, inTurn: boolean) => void read(taken, inTurn);
  const stop = watchDirectory(options.directory, options.everyMs, options.clock, look);
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
  options: StaticSourceOptions,
  known: Map<string, Known>,
  isList: boolean,
): Promise<boolean> {
  const {directory} = options;
  let changed = false;
  // Names that begin with a dot are editors' and our own half-written files.
  const files = new Map((await regularFiles(directory)).map((path) => [basename(path), path]));
  for (const name of known.keys()) if (!files.has(name)) changed = known.delete(name) || changed;
  for (const [name, path] of files) {
    const text = await readText(path).catch(() => undefined);
    const before = known.get(name);
    if (text === undefined) continue;
    const isAlone = path === directory;
    const now =
      before?.text === text ? settled(before, isList && !isAlone) : parsed(options, path, text, before);
    if (now === before) continue;
    known.set(name, now);
    changed = true;
  }
  return changed;
}

/**
 * A file that was good keeps its pod: half a write must not end it. Found as bad by the next list it is no pod any more,
 * as in Kubernetes (config/file.go: the watch changes nothing then, a list leaves it out); one file alone makes no list.
 */
function settled(before: Known, isList: boolean): Known {
  return isList && before.invalid && before.pod !== undefined ? {...before, pod: undefined} : before;
}

function parsed(
  {nodeName, clock, log}: StaticSourceOptions,
  path: string,
  text: string,
  before: Known | undefined,
): Known {
  try {
    return {text, pod: parseStaticPod(text, path, nodeName, microTimestamp(clock.now())), invalid: false};
  } catch (error) {
    log.error('a static pod is not run', {path, error: describeError(error)});
    return {text, pod: before?.pod, invalid: true};
  }
}
