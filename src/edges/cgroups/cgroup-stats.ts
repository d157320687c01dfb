import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {exists, isMissing} from '../files/files.ts';
import type {CgroupSample, CgroupTexts} from './cgroup-sample.ts';
import {parseNumbers} from './cgroup-text.ts';
import {parseV1, v1Cpu, v1Files} from './cgroup-v1.ts';
import {parseV2, v2Cpu, v2Files} from './cgroup-v2.ts';

/** Reads cgroups. Each call is a few microseconds in the kernel, less than handing it to a thread: it is synchronous. */
export type CgroupReader = {
  readonly v2: boolean;
  /** Undefined when there is no such cgroup (any more). `path` is absolute below the mount. */
  sample(path: string): CgroupSample | undefined;
  /** Nanoseconds of the processor that it has used, at the price of one file in the place of all. */
  cpuNs(path: string): number | undefined;
  /** Names of the cgroups directly in `path`. */
  children(path: string): string[];
  /** Processes that live directly in it. */
  processes(path: string): number[];
};

const mountPoint = '/sys/fs/cgroup';

export async function openCgroupReader(root = mountPoint): Promise<CgroupReader> {
  const v2 = await exists(join(root, 'cgroup.controllers'));
  return v2
    ? reader(root, '', {v2, files: v2Files, parse: parseV2, cpu: v2Cpu})
    : reader(root, 'memory', {v2, files: v1Files, parse: parseV1, cpu: v1Cpu});
}

type Version = {
  readonly v2: boolean;
  readonly files: readonly string[];
  readonly parse: (texts: CgroupTexts) => CgroupSample;
  readonly cpu: {readonly file: string; readonly parse: (text: string | undefined) => number | undefined};
};

/** `main`: the hierarchy that every cgroup is in. */
function reader(root: string, main: string, {v2, files, parse, cpu}: Version): CgroupReader {
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
    cpuNs: (path) => cpu.parse(read(fileOf(root, cpu.file, path, v2))),
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
