import type {Family} from '../../lib/addresses.ts';
import {NodectlError} from '../../lib/errors.ts';
import {run} from '../process/run.ts';

/** Which of the kernel's packet filters iptables writes to; `default` where only a plain `iptables` is installed. */
export type Backend = 'nft' | 'legacy' | 'default';

/** One family's iptables of one kind. */
export type Iptables = {
  readonly family: Family;
  readonly backend: Backend;
  /** What iptables-save prints, of one table or of all that exist. @throws NodectlError ND714 */
  save(table?: string): Promise<string>;
  /** Applies an input; what it does not name stays. @throws RestoreError */
  restore(input: readonly string[]): Promise<void>;
  /** Whether an input of `-C` lines holds. @throws NodectlError ND714 when that cannot be found out */
  holds(input: readonly string[]): Promise<boolean>;
};

/** iptables refused an input; `line` is the one that it complained of, where it said so. */
export class RestoreError extends NodectlError {
  readonly line: string | undefined;

  constructor(message: string, line: string | undefined, cause: unknown) {
    super('ND714', message, {cause});
    this.line = line;
  }
}

/** How long another program may hold the lock of iptables-legacy: as long as kube-proxy waits. */
const lockWaitSeconds = 5;
const timeoutMs = 300_000;
/** At ten thousand Services iptables-save prints 20 MB. */
const maxBuffer = 512 * 1024 * 1024;

export type IptablesOptions = {
  readonly family: Family;
  readonly backend: Backend;
  /** The network namespace is the process's own; tests put `nsenter --net=…` before iptables. */
  readonly command?: readonly string[];
  readonly lockSeconds?: number;
  /** Ends what is running; nothing is begun after it. */
  readonly signal?: AbortSignal;
};

export function openIptables({
  family,
  backend,
  command = [],
  lockSeconds = lockWaitSeconds,
  signal,
}: IptablesOptions): Iptables {
  const call = async (program: 'save' | 'restore', args: readonly string[], input?: readonly string[]) => {
    const [file = '', ...rest] = [...command, `${programName(family, backend)}-${program}`, ...args];
    return run(file, rest, {
      timeoutMs,
      maxBuffer,
      ...(signal && {signal}),
      okCodes: program === 'save' ? [0] : [0, 1, 2, 3, 4],
      ...(input === undefined ? {} : {input: `${input.join('\n')}\n`}),
    }).catch((cause: unknown) => {
      throw new NodectlError('ND714', `${programName(family, backend)}-${program} failed`, {cause});
    });
  };
  const restoring = (input: readonly string[]) =>
    call('restore', ['--noflush', '--wait', String(lockSeconds)], input);
  return {
    family,
    backend,
    async save(table) {
      return (await call('save', table === undefined ? [] : ['-t', table])).stdout;
    },
    async restore(input) {
      const {exitCode, stderr} = await restoring(input);
      if (exitCode === 0) return;
      const line = input[lineNumber(stderr) - 1];
      throw new RestoreError(`iptables refused an input: ${words(stderr)}`, line, undefined);
    },
    async holds(input) {
      const {exitCode, stderr} = await restoring(input);
      // 4: somebody holds the lock for long.
      if (exitCode > 2) throw new NodectlError('ND714', `iptables does not answer: ${words(stderr)}`);
      return exitCode === 0;
    },
  };
}

/** `iptables-nft`, `ip6tables-legacy`, `iptables`. */
export function programName(family: Family, backend: Backend): string {
  const name = family === 'IPv4' ? 'iptables' : 'ip6tables';
  return backend === 'default' ? name : `${name}-${backend}`;
}

/** `line 3 failed`, `Error occurred at line: 3`, `line 3: RULE_APPEND failed`; 0 when it does not say. */
export function lineNumber(stderr: string): number {
  return Number(/\bline:? (\d+)/.exec(stderr)?.[1] ?? 0);
}

function words(stderr: string): string {
  return stderr.trim().slice(0, 1000);
}
