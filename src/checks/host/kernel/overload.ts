import type {Load} from '../../../edges/machine/load.ts';
import {type Finding, warning} from '../../check.ts';
import type {CheckResult} from '../../graph.ts';

/** So many looks that ran out of time are no single daemon's fault. */
const many = 4;

/** Whether looks ran out of time that have nothing in common but this machine. */
export function ranOutOfTime(results: readonly CheckResult[]): boolean {
  const late = results.filter(
    (result) => result.state === 'unseen' && /no answer within|timeout|took too long/.test(result.why),
  );
  return late.length >= many;
}

/** Why a healthy node may not answer: more work than processors, or a disk that cannot keep up. */
export function judgeLoad({waiting, cpus, diskPercent}: Load): readonly Finding[] {
  if (diskPercent > 60)
    return [
      warning(
        'ND115',
        `this machine waits for its disk ${Math.round(diskPercent)} % of the time: looks ran out of time`,
        'iostat -x 2, or pidstat -d 2',
      ),
    ];
  if (waiting < 2 * cpus) return [];
  return [
    warning(
      'ND115',
      `this machine is too busy: ${Math.round(waiting)} processes for ${cpus} processors; looks ran out of time`,
      'ps aux --sort=-pcpu | head',
    ),
  ];
}
