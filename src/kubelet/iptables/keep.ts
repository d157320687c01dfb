import type {KubeletConfig} from '../../config/kubelet.ts';
import {type Iptables, openIptables} from '../../edges/nftables/iptables.ts';
import type {Family} from '../../lib/addresses.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {type Periodic, startPeriodic} from '../periodic.ts';
import {missingChains} from './decide.ts';

export type UtilChainsOptions = {
  readonly config: Pick<KubeletConfig, 'makeIPTablesUtilChains'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The one that the host's own programs use: that is what the hint is for. */
  readonly open?: (family: Family, signal: AbortSignal) => Iptables;
};

const families: readonly Family[] = ['IPv4', 'IPv6'];
/** As often as Kubernetes' kubelet looks whether somebody flushed the tables. */
const everyMs = 60_000;

/**
 * Makes the chains, and makes them again where somebody took them away. They stay when the kubelet ends, as its pods
 * do; a reset takes them away. Where there is no iptables nobody can need them.
 */
export function startUtilChains({config, clock, log, open = openDefault}: UtilChainsOptions): Periodic {
  if (!config.makeIPTablesUtilChains) return {stop: async () => undefined};
  const stopping = new AbortController();
  const lost = new Map<Family, string>();
  const keeper = startPeriodic({clock, firstMs: 0, everyMs}, async (isStopped) => {
    for (const family of families) {
      if (isStopped()) return;
      await restore(open(family, stopping.signal)).then(
        () => lost.delete(family),
        (error: unknown) => {
          const told = describeError(error);
          if (!isStopped() && lost.get(family) !== told)
            log.info('no chains are kept in iptables for others', {family, error: told});
          lost.set(family, told);
        },
      );
    }
  });
  return {
    async stop() {
      const stopped = keeper.stop();
      stopping.abort(new Error('stopping'));
      await stopped;
    },
  };
}

async function restore(iptables: Iptables): Promise<void> {
  const {family} = iptables;
  const mangle = await iptables.save('mangle');
  const filter = family === 'IPv4' ? await iptables.save('filter') : '';
  const input = missingChains({family, mangle, filter});
  if (input.length > 0) await iptables.restore(input);
}

function openDefault(family: Family, signal: AbortSignal): Iptables {
  return openIptables({family, backend: 'default', signal});
}
