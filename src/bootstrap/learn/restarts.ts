import type {ServiceManager} from '../../edges/systemd/services.ts';

/**
 * The same manager, which counts the restarts of these daemons from now on: what ended again and again before a join is
 * what the join mends, and is no sign that it has not.
 */
export async function countingFromNow(
  manager: ServiceManager,
  names: readonly string[],
): Promise<ServiceManager> {
  const seen = await Promise.all(
    names.map(async (name) => [name, (await manager.status(name)).restarts] as const),
  );
  const before = new Map(seen);
  return {
    ...manager,
    async status(name) {
      const status = await manager.status(name);
      return {...status, restarts: since(before.get(name) ?? 0, status.restarts)};
    },
  };
}

/** A start by hand makes the manager count anew. */
function since(before: number, now: number): number {
  return now < before ? now : now - before;
}
