import {describe, expect, it} from 'vitest';
import type {Family} from '../../../../src/lib/addresses.ts';
import type {IptablesDataPlane} from '../../../../src/proxy/iptables/data-plane.ts';
import {type NodeView, viewNode} from '../../../../src/proxy/model/node.ts';
import {node} from '../support/objects.ts';
import {RandomCluster, randomFrom} from '../support/random-cluster.ts';
import {listing} from './support/compare.ts';
import {FakeIptables} from './support/fake-iptables.ts';
import {iptablesPlane} from './support/planes.ts';

const edits = 10_000;
const here: NodeView = viewNode('here', node('here', ['192.168.0.2', 'fd01::2'], 'z1'), '0.0.0.0');
const context = {nodePortIPs: undefined, serviceCIDRs: []};

function change(
  plane: IptablesDataPlane,
  cluster: RandomCluster,
  keys: readonly string[],
  first = false,
): void {
  const sources = new Map(keys.map((key) => [key, cluster.source(key)]));
  plane.update({sources, node: here, context: first ? context : undefined});
}

/** What a plane that has just begun writes into an empty kernel. */
async function fromNothing(family: Family, cluster: RandomCluster): Promise<FakeIptables> {
  const iptables = new FakeIptables(family);
  const plane = iptablesPlane(iptables);
  plane.update({sources: cluster.sources(), node: here, context});
  await plane.commit();
  return iptables;
}

const foreign = [
  '*filter',
  ':MINE - [0:0]',
  '-A MINE -s 192.0.2.0/24 -j DROP',
  '-A FORWARD -j MINE',
  'COMMIT',
  '*nat',
  '-A PREROUTING -p tcp --dport 99 -j RETURN',
  'COMMIT',
];

describe('random edits', () => {
  it.each(['IPv4', 'IPv6'] as const)(
    `leave the rules that are rendered from nothing (${edits} edits, %s)`,
    {timeout: 120_000},
    async (family) => {
      const cluster = new RandomCluster(20_261_122, 12);
      const iptables = new FakeIptables(family);
      const plane = iptablesPlane(iptables);
      change(plane, cluster, [], true);
      await plane.commit();
      for (let i = 1; i <= edits; i++) {
        const keys = Array.from({length: i % 7 === 0 ? 3 : 1}, () => cluster.edit());
        change(plane, cluster, keys);
        expect(await plane.commit()).not.toBe('full');
        if (i % 50 !== 0) continue;
        const fresh = await fromNothing(family, cluster);
        expect(listing(iptables), `after edit ${i}`).toEqual(listing(fresh));
      }
    },
  );

  it('never write more of the Services than what changed', {timeout: 120_000}, async () => {
    const cluster = new RandomCluster(5, 200);
    const iptables = new FakeIptables('IPv4');
    const plane = iptablesPlane(iptables);
    for (let i = 0; i < 1000; i++) cluster.edit();
    plane.update({sources: cluster.sources(), node: here, context});
    await plane.commit();
    for (let i = 0; i < 500; i++) {
      iptables.inputs.length = 0;
      change(plane, cluster, [cluster.edit()]);
      await plane.commit();
      expect(iptables.inputs.flat().length).toBeLessThan(150);
    }
  });

  it('are made up for, whatever fails in between', {timeout: 120_000}, async () => {
    const cluster = new RandomCluster(9, 12);
    const random = randomFrom(9);
    const iptables = new FakeIptables('IPv4');
    await iptables.restore(foreign);
    let plane = iptablesPlane(iptables);
    change(plane, cluster, [], true);
    await plane.commit();
    for (let i = 1; i <= 3_000; i++) {
      change(plane, cluster, [cluster.edit()]);
      const what = random();
      // The program is killed after the first table, or before it.
      if (what < 0.1) iptables.commitsLeft = what < 0.05 ? 1 : 0;
      // Somebody else's program fails it.
      else if (what < 0.2) iptables.refuse = (line) => (line === 'COMMIT' ? 'Resource busy' : undefined);
      // Somebody flushes everything.
      else if (what < 0.25) {
        for (const chains of iptables.tables.values()) for (const name of chains.keys()) chains.set(name, []);
        await iptables.restore(foreign);
        expect(await plane.isIntact()).toBe(false);
        plane.forget();
      }
      await plane.commit().catch(() => undefined);
      iptables.commitsLeft = Number.POSITIVE_INFINITY;
      iptables.refuse = () => undefined;
      if (what < 0.05) {
        // So is the proxy: another begins with what is there.
        plane = iptablesPlane(iptables);
        plane.update({sources: cluster.sources(), node: here, context});
      }
      if (!plane.known) await plane.commit();
      if (i % 20 !== 0) continue;
      const fresh = new FakeIptables('IPv4');
      await fresh.restore(foreign);
      const other = iptablesPlane(fresh);
      other.update({sources: cluster.sources(), node: here, context});
      await other.commit();
      expect(listing(iptables), `after edit ${i}`).toEqual(listing(fresh));
    }
  });
});
