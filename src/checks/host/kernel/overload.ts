import type {Load} from '../../../edges/machine/load.ts';
import {type Finding, warning} from '../../check.ts';
import type {CheckResult} from '../../graph.ts';

/** So many looks that ran out of time are no single daemon's fault. */
const many = 4;

/** Whether looks ran out of time that have nothing in common but this machine. */
export function ranOutOfTime(results: readonly CheckResult[]): boolean {
  return late(results) >= many;
}

/** How many looks ran out of time. */
export function late(results: readonly CheckResult[]): number {
  return results.filter(
    (result) => result.state === 'unseen' && /no answer within|timeout|took too long/.test(result.why),
  ).length;
}

/** Why a healthy node may not answer: more work than processors, or a disk or a memory that cannot keep up. */
export function judgeLoad(load: Load, effect = 'looks ran out of time'): readonly Finding[] {
  const why = strain(load);
  return why === undefined ? [] : [warning('ND115', `this machine ${why.what}: ${effect}`, why.next)];
}

/** What a machine has too little of for what it is to do. */
function strain({waiting, cpus, diskPercent, memoryPercent}: Load) {
  if (memoryPercent > 20)
    return {
      what: `stood still for want of memory ${Math.round(memoryPercent)} % of the time`,
      next: 'ps aux --sort=-rss | head',
    };
  if (diskPercent > 60)
    return {
      what: `waits for its disk ${Math.round(diskPercent)} % of the time`,
      next: 'iostat -x 2, or pidstat -d 2',
    };
  if (waiting < 2 * cpus) return undefined;
  return {
    what: `is too busy, with ${Math.round(waiting)} processes for ${cpus} processors`,
    next: 'ps aux --sort=-pcpu | head',
  };
}
