export type LogSeen = {
  /** The log that the container writes. */
  readonly path: string;
  /** Undefined where there is no file: it was lost between a rename and the runtime's new file. */
  readonly size: number | undefined;
  /** Names beside the log, of any kind. */
  readonly names: readonly string[];
  readonly nowMs: number;
};

export type LogPolicy = {readonly maxBytes: number; readonly maxFiles: number};

export type LogAct =
  | {readonly do: 'reopen'}
  | {readonly do: 'remove'; readonly path: string}
  | {readonly do: 'compress'; readonly path: string}
  /** Rename, and have the runtime open a new file; the last act. */
  | {readonly do: 'rotate'; readonly to: string};

export const compressedSuffix = '.gz';
export const temporarySuffix = '.tmp';

/**
 * What a log needs (logs/container_log_manager.go): of `maxFiles` one is being written and one was just rotated and
 * stays as it is, so that whoever reads it can finish; those before are compressed, the oldest go first.
 */
export function decideRotation({path, size, names, nowMs}: LogSeen, policy: LogPolicy): LogAct[] {
  if (size === undefined) return [{do: 'reopen'}];
  // A negative size turns rotation off.
  if (policy.maxBytes < 0 || size < policy.maxBytes) return [];
  const [directory, file] = [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)];
  const rotated = names.filter((name) => name.startsWith(`${file}.`)).sort();
  const isUsed = (name: string): boolean =>
    !name.endsWith(temporarySuffix) && !rotated.includes(`${name}${compressedSuffix}`);
  const used = rotated.filter(isUsed);
  const excess = Math.max(0, used.length - Math.max(0, policy.maxFiles - 2));
  const removed = [...rotated.filter((name) => !isUsed(name)), ...used.slice(0, excess)];
  return [
    ...removed.map((name) => ({do: 'remove', path: `${directory}/${name}`}) as const),
    ...used
      .slice(excess)
      .filter((name) => !name.endsWith(compressedSuffix))
      .map((name) => ({do: 'compress', path: `${directory}/${name}`}) as const),
    {do: 'rotate', to: `${path}.${stamp(nowMs)}`},
  ];
}

/** `20060102-150405`, in UTC: names sort by age also where clocks are set back for the winter. */
function stamp(ms: number): string {
  const [date = '', time = ''] = new Date(ms).toISOString().split('T');
  return `${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}`;
}
