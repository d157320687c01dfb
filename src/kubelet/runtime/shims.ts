import type {Cri} from '../../edges/cri/client.ts';
import {socketPath} from '../../edges/cri/client.ts';
import {listShims, type Shim} from '../../edges/process/process-age.ts';
import {identify, signalProcess} from '../../edges/process/processes.ts';
import {isUnknownContainer} from '../../edges/runtime/containerd-tasks.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {type Periodic, startPeriodic} from '../periodic.ts';

export type ShimCollectorOptions = {
  readonly cri: Cri;
  readonly endpoint: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timeoutMs: number;
};

const firstMs = 10_000;
const everyMs = 60_000;
/** A shim never lives longer than that before containerd has noted its container, or after it forgot it. */
const minAgeMs = 10_000;

/**
 * Ends shims that their containerd has lost: it kills the program that starts one when the caller goes away in that
 * moment (we were killed), and the shim behind it stays for ever.
 */
export function startShimCollector(options: ShimCollectorOptions): Periodic {
  const {clock, log} = options;
  return startPeriodic({clock, firstMs, everyMs}, async () => {
    try {
      for (const shim of await strayShims(options)) await end(shim, log);
    } catch (error) {
      log.debug('lost shims could not be looked for', {error: describeError(error)});
    }
  });
}

async function strayShims({cri, endpoint, timeoutMs}: ShimCollectorOptions): Promise<Shim[]> {
  const address = socketPath(endpoint);
  const old = (await listShims()).filter((shim) => shim.address === address && shim.ageMs > minAgeMs);
  if (old.length === 0) return [];
  const {items} = await cri.runtime.listPodSandbox({}, {timeoutMs});
  const known = new Set(items.map(({id}) => id));
  const stray: Shim[] = [];
  for (const shim of old.filter(({id}) => !known.has(id)))
    if (await isUnknownContainer(endpoint, shim.id)) stray.push(shim);
  return stray;
}

async function end({pid, id}: Shim, log: Logger): Promise<void> {
  const process = await identify(pid);
  if (process === undefined) return;
  log.info('a shim that containerd has lost is ended', {pid, id});
  await signalProcess(process, 'SIGKILL');
}
