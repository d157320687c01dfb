import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {exists, isMissing} from '../files/files.ts';
import type {CgroupSample, CgroupTexts} from './cgroup-sample.ts';
import {parseNumbers} from './cgroup-text.ts';
import {parseV1, v1Files} from './cgroup-v1.ts';
import {parseV2, v2Files} from './cgroup-v2.ts';

/** Reads cgroups. Each call is a few microseconds in the kernel, less than handing it to a thread: it is synchronous. */
export type CgroupReader = {
  readonly v2: boolean;
  /** Undefined when there is no such cgroup (any more). `path` is absolute below the mount. */
  sample(path: string): CgroupSample | undefined;
  /** Names of the cgroups directly in `path`. */
  children(path: string): string[];
  /** Processes that live directly in it. */
  processes(path: string): number[];
};

const mountPoint = '/sys/fs/cgroup';

export async function openCgroupReader(root = mountPoint): Promise<CgroupReader> {
  const v2 = await exists(join(root, 'cgroup.controllers'));
  return v2 ? reader(root, true, '', v2Files, parseV2) : reader(root, false, 'memory', v1Files, parseV1);
}

function reader(
  root: string,
  v2: boolean,
  /** The hierarchy that every cgroup is in. */
  main: string,
  files: readonly string[],
  parse: (texts: CgroupTexts) => CgroupSample,
): CgroupReader {
  return {
    v2,
    sample(path) {
      const texts: Record<string, string> = {};
      for (const file of files) {
        const text = read(fileOf(root, file, path, v2));
        if (text !== undefined) texts[file] = text;
      }
      const sample = parse(texts);
      return sample.cpu === undefined && sample.memory === undefined ? undefined : sample;
    },
    children: (path) => directories(join(root, main, path)),
    processes: (path) => parseNumbers(read(join(root, main, path, 'cgroup.procs'))),
  };
}

function fileOf(root: string, file: string, path: string, v2: boolean): string {
  if (v2) return join(root, path, file);
  const slash = file.indexOf('/');
  return join(root, file.slice(0, slash), path, file.slice(slash + 1));
}

/** A file that is absent, or whose cgroup has gone while it was read, tells nothing. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error) || isGone(error)) return undefined;
    throw error;
  }
}

/** ENODEV: removed under us; EOPNOTSUPP: PSI is off, or this kind of cgroup has no such file. */
function isGone(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    ['ENODEV', 'EOPNOTSUPP', 'EINVAL'].includes(String(error.code))
  );
}

function directories(path: string): string[] {
  try {
    return readdirSync(path, {withFileTypes: true})
      .filter((entry) => entry.isDirectory())
      .map(({name}) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
