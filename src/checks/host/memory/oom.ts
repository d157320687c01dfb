import {countOomKills, type KernelRecord, readKernelLog} from '../../../edges/logs/kernel-log.ts';
import {type Finding, hostCheck, warning} from '../../check.ts';
import {agoText} from '../../node/ago.ts';

/** Of the machine: a container that reached its own limit is `Memory cgroup out of memory`. */
const machineOom = /^Out of memory: (?:Killed|Kill) process (\d+) \(([^)]*)\)/;
const lately = 3_600_000;

export const oom = hostCheck({
  name: 'OutOfMemory',
  category: 'host',
  codes: ['ND110'],
  looks: 'reads the kernel’s log of the last hour',
  observe: async () => ((await countOomKills()) === 0 ? [] : readKernelLog(machineOom)),
  judge: judgeOom,
});

export function judgeOom(records: readonly KernelRecord[]): readonly Finding[] {
  const recent = records.filter(({ageMs}) => ageMs < lately);
  const last = recent.at(-1);
  if (last === undefined) return [];
  const [, pid, program] = machineOom.exec(last.text) ?? [];
  const times = recent.length === 1 ? '' : `, ${recent.length} times in the last hour`;
  return [
    warning(
      'ND110',
      `the kernel ended ${program} (process ${pid}) for want of memory ${agoText(last.ageMs)} ago${times}`,
      'journalctl -k | grep -i "out of memory"',
    ),
  ];
}
