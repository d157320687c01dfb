import {cpus} from 'node:os';
import type {ProxyConfig} from '../config/proxy.ts';
import {readSysctl, writeSysctl} from '../edges/machine/sysctl.ts';
import {setOomScoreAdj} from '../edges/process/oom.ts';
import type {Family} from '../lib/addresses.ts';
import {describeError} from '../lib/errors.ts';
import type {Logger} from '../lib/log.ts';
import {needsWriting, wantedSysctls} from './sysctls.ts';

/** Sets what can be set: in a network namespace of its own several of these belong to the host. */
export async function applySettings(
  config: ProxyConfig,
  families: readonly Family[],
  log: Logger,
): Promise<void> {
  const skipped: string[] = [];
  await setOomScoreAdj(config.oomScoreAdj).catch((error: unknown) => {
    skipped.push(`oom_score_adj: ${describeError(error)}`);
  });
  // The machine's, whatever this process may use of it.
  for (const wanted of wantedSysctls(config.conntrack, cpus().length, families)) {
    try {
      if (needsWriting(wanted, await readSysctl(wanted.key)))
        await writeSysctl(wanted.key, String(wanted.value));
    } catch (error) {
      skipped.push(`${wanted.key}: ${describeError(error)}`);
    }
  }
  if (skipped.length > 0) log.info('some kernel settings cannot be changed here', {skipped});
}
