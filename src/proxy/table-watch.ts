import {realClock} from '../edges/clock.ts';
import {describeError} from '../lib/errors.ts';
import type {ProxyAgent} from './agent.ts';
import type {Serving} from './assemble.ts';
import type {FamilyProxy} from './family-proxy.ts';

/** One table in turn is looked for; a flushed ruleset lacks both, so it is noticed within one period. */
const periodMs = 450;
const inspectionMs = 600;

/** After a listing the pause is so much longer for each line of it: listings take about one part in fifty of a core. */
const pauseMsPerLine = 0.5;
/** After so many repairs that a listing does not bear out, it is the listing that is not understood. */
const maxRepairs = 3;

/**
 * Notices that somebody has changed single rules or elements, and has the table written again. The kernel tells of
 * such changes only to who keeps a copy of every element (`nft monitor`: 60 MB at ten thousand Services); a listing
 * costs nothing in between. A few hundred Services are looked at every second, very many more seldom.
 */
export function inspectTables(
  {log}: Serving,
  agent: ProxyAgent,
  proxies: readonly FamilyProxy[],
): {stop(): void} {
  let stopped = false;
  let cancel = () => {};
  const repairs = new Map<FamilyProxy, number>();
  /** Answers with how much was read. */
  const inspect = async (proxy: FamilyProxy): Promise<number> => {
    const done = repairs.get(proxy) ?? 0;
    if (!proxy.known || done >= maxRepairs) return 0;
    const inspected = await proxy.inspect();
    if (stopped || inspected === undefined) return 0;
    const {changed, lines} = inspected;
    repairs.set(proxy, changed === undefined ? 0 : done + 1);
    if (changed === undefined) return lines;
    log.warn('somebody changed the table of service rules; it is written again', {
      family: proxy.family,
      changed,
    });
    if (done + 1 === maxRepairs)
      log.warn("nft's listing is not understood; changes of single rules are not noticed any more", {
        changed,
      });
    agent.repair(proxy);
    return lines;
  };
  const look = async (): Promise<void> => {
    let lines = 0;
    for (const proxy of proxies) lines += await inspect(proxy).catch(missed);
    if (!stopped) next(inspectionMs + lines * pauseMsPerLine);
  };
  const missed = (error: unknown): number => {
    log.debug('the table could not be listed', {error: describeError(error)});
    return 0;
  };
  const next = (ms: number): void => {
    cancel = realClock.after(ms, () => void look());
  };
  next(inspectionMs);
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/**
 * Notices that somebody has removed a table (`nft flush ruleset`, a firewall's reload) and has it written again.
 * Only the table's absence is seen, for next to nothing; `inspectTables` sees the rest.
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
