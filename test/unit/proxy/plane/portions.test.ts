import {describe, expect, it} from 'vitest';
import type {EndpointSlice, Service} from '../../../../src/lib/kubernetes.ts';
import {silent as log} from '../../../../src/lib/log.ts';
import type {Clock} from '../../../../src/lib/time.ts';
import {ProxyAgent} from '../../../../src/proxy/agent.ts';
import {Caches} from '../../../../src/proxy/caches.ts';
import {UdpCleaner} from '../../../../src/proxy/conntrack/udp-cleaner.ts';
import {ProxyHealth} from '../../../../src/proxy/health/health.ts';
import {createMetrics} from '../../../../src/proxy/health/metrics.ts';
import {viewNode} from '../../../../src/proxy/model/node.ts';
import {FamilyProxy} from '../../../../src/proxy/plane/family-proxy.ts';
import type {Changes, Committed, DataPlane} from '../../../../src/proxy/plane/plane.ts';
import {node, service, slice} from '../support/objects.ts';

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

function many(count: number): Map<string, Service> {
  const keys = Array.from({length: count}, (_, i) => `n/s${i}`);
  return new Map(
    [...keys, 'default/kubernetes', 'kube-system/kube-dns'].map((key) => [key, service(key, {})]),
  );
}

/** A kernel that only notes which Services came with each commit. */
class NotingPlane implements DataPlane {
  readonly mode = 'nftables';
  readonly commits: string[][] = [];
  readonly withoutLocal = {internal: 0, external: 0};
  readonly sweepInMs = undefined;
  known = false;
  readonly #intact: boolean;
  readonly #work: (() => Promise<void>) | undefined;
  readonly #keys: string[] = [];

  /** Each commit takes as long as `work`. */
  constructor(intact: boolean, work?: () => Promise<void>) {
    this.#intact = intact;
    this.#work = work;
  }

  /** Decided, and not committed yet. */
  get decided(): number {
    return this.#keys.length;
  }

  forget(): void {
    this.known = false;
  }

  update({sources}: Changes): void {
    this.#keys.push(...sources.keys());
  }

  async commit(): Promise<Committed> {
    this.commits.push(this.#keys.splice(0));
    await this.#work?.();
    this.known = true;
    return 'partial';
  }

  async sweep(): Promise<void> {}

  async isIntact(): Promise<boolean> {
    return this.#intact;
  }
}

async function start(plane: NotingPlane, services: Map<string, Service>): Promise<void> {
  const metrics = createMetrics();
  const family = new FamilyProxy({
    family: 'IPv4',
    plane,
    cleaner: new UdpCleaner({
      family: 'IPv4',
      flows: {list: async () => [], delete: async () => 0},
      metrics,
      clock,
      log,
    }),
    health: new ProxyHealth(60_000, clock.now),
    metrics,
    clock,
    log,
    maxRetryMs: 1_000,
  });
  const agent = new ProxyAgent(
    {
      families: [family],
      stores: {services: () => services, slices: () => new Map()},
      clock,
      log,
      metrics,
      maxWaitMs: 1_000,
      nodePortAddresses: {kind: 'all'},
      localAddresses: () => [],
      onSynced: () => undefined,
    },
    viewNode('here', node('here', []), '0.0.0.0'),
  );
  for (const object of services.values()) agent.serviceChanged({type: 'added', object});
  agent.start();
  await expect.poll(() => agent.isComplete).toBe(true);
  await agent.stop();
}

describe('the first commits', () => {
  it('are in portions, the API server and the cluster DNS before all others', async () => {
    const plane = new NotingPlane(false);
    const services = many(2_500);
    await start(plane, services);
    expect(plane.commits.length).toBeGreaterThan(2);
    expect(plane.commits[0]?.slice(0, 2)).toEqual(['default/kubernetes', 'kube-system/kube-dns']);
    expect(plane.commits.flat().sort()).toEqual([...services.keys()].sort());
  });

  it('are decided while the one before is on its way, but not while the whole table is read for it', async () => {
    const plane: NotingPlane = new NotingPlane(false, async () => {
      if (plane.commits.length === 1) {
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        expect(plane.decided).toBe(0);
      }
      // What comes after the fifth is less than a portion.
      else if (plane.commits.length < 5)
        await expect.poll(() => plane.decided, {interval: 1}).toBeGreaterThan(400);
    });
    const services = many(2_500);
    await start(plane, services);
    expect(plane.commits.map((keys) => keys.length)).toEqual([500, 500, 500, 500, 500, 2]);
    expect(plane.commits.flat().sort()).toEqual([...services.keys()].sort());
  });

  it('are one where rules of an earlier proxy serve: they are replaced by all of the new ones at once', async () => {
    const plane = new NotingPlane(true);
    const services = many(2_500);
    await start(plane, services);
    expect(plane.commits.map((keys) => keys.length)).toEqual([services.size]);
  });
});

describe('a change that is more than a portion', () => {
  it('tells its triggers with the last of it', () => {
    const at = '2026-11-21T00:00:00Z';
    const slices = new Map<string, EndpointSlice>();
    const caches = new Caches({services: () => new Map(), slices: () => slices}, 0);
    for (const name of ['a', 'b', 'c']) {
      const object = slice({service: `n/${name}`, ports: [], endpoints: []});
      object.metadata.annotations = {'endpoints.kubernetes.io/last-change-trigger-time': at};
      caches.sliceChanged({type: 'added', object});
    }
    expect(caches.take(2).triggers.map(({atMs}) => atMs)).toEqual([]);
    expect(caches.take(2).triggers.map(({atMs}) => atMs)).toEqual([
      Date.parse(at),
      Date.parse(at),
      Date.parse(at),
    ]);
    expect(caches.isDirty).toBe(false);
  });
});
