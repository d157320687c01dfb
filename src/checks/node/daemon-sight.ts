import {withDeadline} from '../../edges/deadline.ts';
import {processAgeMs} from '../../edges/process/process-age.ts';
import type {ServiceManager} from '../../edges/systemd/services.ts';
import type {DaemonSight} from './context.ts';

/** journalctl reads from the disk, which may be what is slow: that a daemon is dead does not wait for its last words. */
const wordsMs = 1_500;

export async function lookAtDaemon(
  manager: Pick<ServiceManager, 'status' | 'log'>,
  name: string,
  signal: AbortSignal,
): Promise<DaemonSight> {
  const status = await manager.status(name);
  const well = status.running && status.restarts === 0;
  const words = () => withDeadline(wordsMs, signal, () => manager.log(name, 20)).catch(() => []);
  const [upMs, log] = await Promise.all([
    status.pid === undefined ? undefined : processAgeMs(status.pid),
    well || !status.installed ? [] : words(),
  ]);
  return {status, upMs, log};
}
