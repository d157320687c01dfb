import {readFileSync, readlinkSync} from 'node:fs';

const ticksPerSecond = 100;

function children(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

/** A process that has ended in between counts nothing. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function ownSeconds(pid: number, reaped: boolean): number {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /, '')
    .split(' ')
    .map(Number);
  return fields.slice(11, reaped ? 15 : 13).reduce((sum, n) => sum + n, 0) / ticksPerSecond;
}

/** User and system time of a process, its children, and those that have ended. */
export function cpuSeconds(pid: number): number {
  return children(pid).reduce((sum, child) => sum + ownSeconds(child, true), ownSeconds(pid, true));
}

/** A child that has not become another program yet has the pages of its parent, which are counted there. */
function program(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

function megabytes(pid: number, key: 'VmRSS' | 'RssFile'): number {
  return Number(new RegExp(`${key}:\\s+(\\d+)`).exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
}

/** Resident memory of a process with its children: now, and the most that a look every few milliseconds has met. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #withItself: boolean;
  readonly #timer: NodeJS.Timeout;
  peakMB = 0;

  constructor(pid: number, withItself = true) {
    this.#pid = pid;
    this.#withItself = withItself;
    this.#timer = setInterval(() => {
      this.peakMB = Math.max(this.peakMB, this.nowMB);
    }, 10);
  }

  get nowMB(): number {
    try {
      const others = children(this.#pid).filter((pid) => program(pid) !== program(this.#pid));
      const pids = [...(this.#withItself ? [this.#pid] : []), ...others];
      return pids.reduce((sum, pid) => sum + megabytes(pid, 'VmRSS'), 0);
    } catch {
      return 0;
    }
  }

  /** Of the process alone: pages of its executable, which others that run it share. */
  get ownFileMB(): number {
    return megabytes(this.#pid, 'RssFile');
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
