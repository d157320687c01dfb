import {realClock} from '../edges/clock.ts';
import type {ProxyAgent} from './agent.ts';
import type {Serving} from './assemble.ts';
import type {FamilyProxy} from './family-proxy.ts';

/** One table in turn is looked for; a flushed ruleset lacks both, so it is noticed within one period. */
const periodMs = 450;

/**
 * Notices that somebody has removed a table (`nft flush ruleset`, a firewall's reload) and has it written again.
 * Only the table's absence is seen; what would also show single elements, `nft monitor` or a listing, keeps a copy of
 * every element in memory and costs more than the proxy itself.
 */
export function watchTables(
  {log}: Serving,
  agent: ProxyAgent,
  proxies: readonly FamilyProxy[],
): {stop(): void} {
  let stopped = false;
  let cancel = () => {};
  const isMissing = async (proxy: FamilyProxy): Promise<boolean> => {
    if (!proxy.known) return false;
    const there = await proxy.isIntact();
    // While this was asked the table may have become unknown for another reason: then it is being written anyway.
    if (there || stopped || !proxy.known) return false;
    log.warn('somebody removed the table of service rules; it is written again', {family: proxy.family});
    agent.repair(proxy);
    return true;
  };
  const look = async (turn: number): Promise<void> => {
    const [first, ...others] = [...proxies.slice(turn), ...proxies.slice(0, turn)];
    if (first !== undefined && (await isMissing(first))) for (const other of others) await isMissing(other);
    if (!stopped) next((turn + 1) % proxies.length);
  };
  const next = (turn: number): void => {
    cancel = realClock.after(periodMs, () => void look(turn));
  };
  next(0);
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}
