import {NodectlError} from '../../lib/errors.ts';
import {run} from '../process/run.ts';
import {type IptablesOptions, programName} from './iptables.ts';

export type CountedRule = {readonly rule: string; readonly packets: number};

const timeoutMs = 10_000;

/** The rules of one chain, and how many packets each has matched since it was written. @throws NodectlError ND714 */
export async function countedRules(
  {family, backend, command = [], lockSeconds = 5}: IptablesOptions,
  table: string,
  chain: string,
): Promise<readonly CountedRule[]> {
  const program = programName(family, backend);
  const [file = '', ...rest] = [...command, program];
  const args = ['-w', String(lockSeconds), '-t', table, '-v', '-S', chain];
  const {stdout} = await run(file, [...rest, ...args], {timeoutMs}).catch((cause: unknown) => {
    throw new NodectlError('ND714', `${program} cannot list ${chain}`, {cause});
  });
  return readCounted(stdout);
}

/** Rules as `-v -S` prints them: the counters come before the target, or at the end where there is none. */
export function readCounted(text: string): CountedRule[] {
  return text.split('\n').flatMap((line) => {
    const [, before = '', packets = '', after = ''] =
      /^-A \S+ (.*?) ?-c (\d+) \d+( -[jg] .*)?$/.exec(line) ?? [];
    return packets === '' ? [] : [{rule: `${before}${after}`.trimStart(), packets: Number(packets)}];
  });
}
