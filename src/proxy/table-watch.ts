import {realClock} from '../edges/clock.ts';
import type {ProxyAgent} from './agent.ts';
import type {Serving} from './assemble.ts';
import type {FamilyProxy} from './family-proxy.ts';
import {ipWord} from './table/table.ts';

const periodMs = 500;

/**
 * Notices that somebody has removed a table (`nft flush ruleset`, a firewall's reload) and has it written again.
 * Only the table's absence is seen; what would also show single elements, `nft monitor` or a listing, keeps a copy of
 * every element in memory and costs more than the proxy itself.
 */
export function watchTables(
  {config, nft, log}: Serving,
  agent: ProxyAgent,
  proxies: readonly FamilyProxy[],
): {stop(): void} {
  let stopped = false;
  let cancel = () => {};
  const look = async (): Promise<void> => {
    for (const proxy of proxies) {
      if (!proxy.known) continue;
      const there = await nft.hasMap(
        `${ipWord(proxy.family)} ${config.table}`,
        'services',
        noFrontend(proxy),
      );
      // While this was asked the table may have become unknown for another reason: then it is being written anyway.
      if (there || stopped || !proxy.known) continue;
      log.warn('somebody removed the table of service rules; it is written again', {family: proxy.family});
      agent.repair(proxy);
    }
    if (!stopped) cancel = realClock.after(periodMs, () => void look());
  };
  cancel = realClock.after(periodMs, () => void look());
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/** A key that no Service has. */
function noFrontend({family}: FamilyProxy): string {
  return family === 'IPv4' ? '0.0.0.0 . tcp . 0' : ':: . tcp . 0';
}
