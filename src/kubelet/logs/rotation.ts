import {posix} from 'node:path';
import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {listDirectory, removeFile} from '../../edges/files/files.ts';
import {compressFile, fileSize, renameFile} from '../../edges/logs/rotated-logs.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import {quantityValue} from '../../lib/quantity.ts';
import type {Clock} from '../../lib/time.ts';
import {type Periodic, startPeriodic} from '../periodic.ts';
import type {RuntimeCache} from '../runtime/cache.ts';
import {compressedSuffix, decideRotation, type LogAct, temporarySuffix} from './decide.ts';

export type RotationOptions = {
  readonly config: KubeletConfig;
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly runtime: RuntimeCache;
};

type RunningLog = {readonly id: string; readonly path: string};

/** Keeps the logs of running containers within containerLogMaxSize and containerLogMaxFiles. */
export function startLogRotation(options: RotationOptions): Periodic {
  const {config, clock, log} = options;
  const everyMs = config.containerLogMonitorInterval;
  return startPeriodic({clock, firstMs: everyMs, everyMs}, async (isStopped) => {
    const left = runningLogs(options.runtime);
    const work = async () => {
      for (let next = left.pop(); next !== undefined && !isStopped(); next = left.pop())
        try {
          await rotate(options, next);
        } catch (error) {
          log.warn('a container log could not be rotated', {path: next.path, error: describeError(error)});
        }
    };
    await Promise.all(Array.from({length: config.containerLogMaxWorkers}, work));
  });
}

/** What has ended writes no more. */
function runningLogs(runtime: RuntimeCache): RunningLog[] {
  return runtime
    .uids()
    .flatMap((uid) => runtime.peek(uid)?.containers ?? [])
    .filter(({state, logPath}) => state === 'running' && logPath !== '')
    .map(({id, logPath}) => ({id, path: logPath}));
}

async function rotate(options: RotationOptions, running: RunningLog): Promise<void> {
  const {config, clock} = options;
  const policy = {maxBytes: quantityValue(config.containerLogMaxSize), maxFiles: config.containerLogMaxFiles};
  const size = await fileSize(running.path);
  const isDue = size !== undefined && size >= policy.maxBytes;
  const names = isDue ? await listDirectory(posix.dirname(running.path)) : [];
  for (const act of decideRotation({path: running.path, size, names, nowMs: clock.now()}, policy))
    await apply(options, running, act);
}

async function apply({cri, config}: RotationOptions, {id, path}: RunningLog, act: LogAct): Promise<void> {
  const reopen = () =>
    cri.runtime.reopenContainerLog({containerId: id}, {timeoutMs: config.runtimeRequestTimeout});
  switch (act.do) {
    case 'reopen':
      await reopen();
      return;
    case 'remove':
      return removeFile(act.path);
    case 'compress':
      return compressFile(act.path, `${act.path}${compressedSuffix}`, `${act.path}${temporarySuffix}`);
    case 'rotate':
      await renameFile(path, act.to);
      try {
        await reopen();
      } catch (error) {
        // The container still writes to the old file: its name must lead there.
        if ((await fileSize(path)) === undefined) await renameFile(act.to, path);
        throw error;
      }
      return;
    default:
      return act satisfies never;
  }
}
