import type {Code} from '../../lib/codes/catalogue.ts';
import {type Finding, failure} from '../check.ts';
import type {DaemonSight} from './context.ts';
import {howItEnded, lastWords, saidCode} from './last-words.ts';

export type DaemonWords = {
  /** `the kubelet` */
  readonly who: string;
  readonly stopped: Code;
  readonly looping: Code;
  readonly restart: string;
  readonly logs: string;
};

/** So many restarts by itself, the last one lately, are a loop. */
const loopRestarts = 3;
const latelyMs = 60_000;

export function judgeDaemon({status, upMs, log}: DaemonSight, words: DaemonWords): readonly Finding[] {
  const {who, stopped, looping, restart, logs} = words;
  if (!status.installed)
    return [failure(stopped, `${who} is not installed as a service`, 'Run the same nodectl join again.')];
  const young = upMs !== undefined && upMs < latelyMs;
  if (status.restarting || (status.running && young && status.restarts >= loopRestarts)) {
    const cause = saidCode(log, who);
    if (cause !== undefined) return [cause];
    const times = status.restarts === 0 ? 'ends after its start' : `has ended ${status.restarts} times`;
    return [
      failure(looping, [`${who} ${times}${howItEnded(status)}`, ...lastWords(log)].join('\n'), logs, restart),
    ];
  }
  if (!status.running)
    return [
      failure(stopped, [`${who} is not running${howItEnded(status)}`, ...lastWords(log)].join('\n'), restart),
    ];
  return [];
}
