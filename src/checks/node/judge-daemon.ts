import {isExecutable} from '../../edges/install/packages.ts';
import type {ServiceStatus} from '../../edges/systemd/services.ts';
import type {Code} from '../../lib/codes/catalogue.ts';
import {type Finding, failure} from '../check.ts';
import type {DaemonSight, NodeContext} from './context.ts';
import {howItEnded, lastWords, saidCode} from './last-words.ts';

/** Whether a daemon of ours has its program: without it nobody can start it, and its log is silent about it. */
export async function programOf(
  {sight, options, joined}: NodeContext,
  daemon: 'kubelet' | 'proxy',
): Promise<{readonly seen: DaemonSight; readonly gone: string | undefined}> {
  const seen = await sight.daemon(daemon);
  const path = `${options.layout.stateDir}/bin/${daemon === 'proxy' ? 'kube-proxy' : daemon}`;
  const lost =
    joined === 'yes' && seen.status.installed && !seen.status.running && !(await isExecutable(path));
  return {seen, gone: lost ? path : undefined};
}

export type DaemonWords = {
  /** `the kubelet` */
  readonly who: string;
  /** `nodectl-kubelet` */
  readonly unit: string;
  readonly stopped: Code;
  readonly looping: Code;
  readonly restart: string;
  readonly logs: string;
};

/** So many restarts by itself, the last one lately, are a loop. */
const loopRestarts = 3;
const latelyMs = 60_000;

export function judgeDaemon(
  {status, upMs, log}: DaemonSight,
  words: DaemonWords,
  gone?: string,
): readonly Finding[] {
  const {who, unit, stopped, looping, restart, logs} = words;
  if (gone !== undefined)
    return [
      failure(
        stopped,
        `${who} cannot run: its program ${gone} is gone`,
        'Run the same nodectl join again: it installs it.',
        restart,
      ),
    ];
  if (status.unusable === 'masked')
    return [
      failure(
        stopped,
        `${who} is masked: systemd may not start it`,
        `sudo systemctl unmask ${unit} && sudo systemctl start ${unit}`,
      ),
    ];
  if (status.unusable === 'damaged')
    return [
      failure(
        stopped,
        `${who} cannot be started: its service’s description is damaged`,
        'Run the same nodectl join again: it writes the file.',
      ),
    ];
  if (!status.installed)
    return [failure(stopped, `${who} is not installed as a service`, 'Run the same nodectl join again.')];
  const young = upMs !== undefined && upMs < latelyMs;
  if (status.restarting || (status.running && young && status.restarts >= loopRestarts)) {
    const cause = saidCode(log, who);
    if (cause !== undefined) return [cause];
    const times = status.restarts < 2 ? 'ends after its start' : `has ended ${status.restarts} times`;
    const told = [`${who} ${times}${howItEnded(status)}`, ...lastWords(log)].join('\n');
    if (neverBegan(status))
      return [
        failure(
          looping,
          told,
          `systemctl cat ${unit}`,
          'Run the same nodectl join again: it writes the file.',
        ),
      ];
    return [failure(looping, told, logs, restart)];
  }
  if (!status.running)
    return [
      failure(stopped, [`${who} is not running${howItEnded(status)}`, ...lastWords(log)].join('\n'), restart),
    ];
  return [];
}

/** By these systemd says that it came to no program at all: what the unit says does not work here (systemd.exec(5)). */
function neverBegan({lastExit = ''}: ServiceStatus): boolean {
  const code = Number(/^exit (\d+)$/.exec(lastExit)?.[1]);
  return code >= 200 && code <= 245;
}
