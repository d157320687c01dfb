import {countOomKills, readKernelLog} from '../../edges/logs/kernel-log.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {type Periodic, startPeriodic} from '../periodic.ts';

/** Of the machine: a process that only its cgroup had no room for is `Memory cgroup out of memory` (mm/oom_kill.c). */
const machineOom =
  /^Out of memory(?: \(oom_kill_allocating_task\))?: Kill(?:ed)? process (\d+) \((.*?)\)(?:,| total-vm| score|$)/;
const everyMs = 5_000;

export type OomWatchOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** An event of the node. */
  readonly tell: (reason: 'SystemOOM', message: string) => void;
  readonly countKills?: () => Promise<number>;
  readonly readLog?: (like: RegExp) => Promise<readonly {readonly text: string}[]>;
};

/** What the event says of a record of the kernel's log (pkg/kubelet/oom). */
export function oomMessage(text: string): string | undefined {
  const [, pid, program] = machineOom.exec(text) ?? [];
  return pid === undefined ? undefined : `System OOM encountered, victim process: ${program}, pid: ${pid}`;
}

/**
 * Tells of processes that the kernel ended because the whole machine had no memory left. The log is only read when the
 * kernel counts a kill more, and once again after that: it counts before it writes. What was there at the start was
 * told by whoever ran before.
 */
export function startOomWatch(options: OomWatchOptions): Periodic {
  const {log, tell, countKills = countOomKills, readLog = readKernelLog} = options;
  let counted: number | undefined;
  let again = false;
  let known: ReadonlySet<string> = new Set();
  const look = async () => {
    const kills = await countKills();
    const first = counted === undefined;
    const more = kills !== counted;
    if (more || again) {
      const texts = kills === 0 ? [] : (await readLog(machineOom)).map(({text}) => text);
      const fresh = first ? [] : texts.filter((text) => !known.has(text));
      for (const text of fresh) tell('SystemOOM', oomMessage(text) ?? 'System OOM encountered');
      known = new Set(texts);
    }
    again = more && !first;
    counted = kills;
  };
  return startPeriodic({clock: options.clock, firstMs: 0, everyMs}, () =>
    look().catch((error: unknown) =>
      log.warn('the kernel’s log cannot be read', {error: describeError(error)}),
    ),
  );
}
