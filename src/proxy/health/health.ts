import type {Family} from '../../lib/addresses.ts';

export type FamilyHealth = {readonly lastUpdated: string; readonly healthy: boolean};

export type Health = {readonly healthy: boolean; readonly document: Readonly<Record<string, unknown>>};

/**
 * Healthy while no change has waited longer than the timeout for its commit (pkg/proxy/healthcheck/proxy_health.go).
 * Starting up counts as healthy.
 */
export class ProxyHealth {
  readonly #timeoutMs: number;
  readonly #now: () => number;
  readonly #updated = new Map<Family, number>();
  /** The oldest change that is not committed yet. */
  readonly #queued = new Map<Family, number>();

  #servedBy: string | undefined;

  constructor(timeoutMs: number, now: () => number) {
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  queued(family: Family): void {
    if (!this.#queued.has(family)) this.#queued.set(family, this.#now());
  }

  updated(family: Family): void {
    this.#queued.delete(family);
    this.#updated.set(family, this.#now());
  }

  /** Another service proxy serves in our place, as long as this is not undefined; nothing of ours is late then. */
  standDown(servedBy: string | undefined): void {
    this.#servedBy = servedBy;
    this.#queued.clear();
  }

  /** How long the oldest change has waited for its commit. */
  pendingMs(family: Family): number {
    const queued = this.#queued.get(family);
    return queued === undefined ? 0 : Math.max(0, this.#now() - queued);
  }

  get healthy(): boolean {
    return [...this.#updated.keys()].every((family) => this.#isTimely(family));
  }

  /** `/livez`: the proxy alone. */
  live(): Health {
    return this.#answer(this.healthy, {});
  }

  /** `/healthz`: load balancers take the node out when it is about to go, though the proxy still works. */
  ready(nodeEligible: boolean): Health {
    return this.#answer(this.healthy && nodeEligible, {nodeEligible});
  }

  #answer(healthy: boolean, extra: Readonly<Record<string, unknown>>): Health {
    const now = this.#now();
    const last = Math.max(0, ...this.#updated.values());
    const status = [...this.#updated].map(([family, at]): [Family, FamilyHealth] => [
      family,
      {lastUpdated: stamp(at), healthy: this.#isTimely(family)},
    ]);
    return {
      healthy,
      document: {
        lastUpdated: stamp(healthy ? now : last),
        currentTime: stamp(now),
        ...extra,
        healthy: this.healthy,
        ...(this.healthy ? {} : {code: 'ND748'}),
        ...(this.#servedBy === undefined ? {} : {code: 'ND738', servedBy: this.#servedBy}),
        status: Object.fromEntries(status),
      },
    };
  }

  #isTimely(family: Family): boolean {
    const queued = this.#queued.get(family);
    return queued === undefined || this.#now() - queued < this.#timeoutMs;
  }
}

function stamp(ms: number): string {
  return new Date(ms).toISOString();
}
