import {describe, expect, it} from 'vitest';
import type {Nft} from '../../../../src/edges/nftables/nft.ts';
import {viewNode} from '../../../../src/proxy/model/node.ts';
import {NftDataPlane} from '../../../../src/proxy/nftables/data-plane.ts';
import {NftPlane} from '../../../../src/proxy/nftables/plane.ts';
import type {ServiceSource} from '../../../../src/proxy/table/family-table.ts';
import {service, slice} from '../support/objects.ts';
import {familyTable} from '../support/tables.ts';

const here = viewNode('here', undefined, '0.0.0.0');
const context = {nodePortIPs: undefined, serviceCIDRs: []};

/** Lists until it is told to end, as nft does while the rules change; commits at once. */
class SlowNft implements Pick<Nft, 'commit' | 'hasMap' | 'list'> {
  readonly transactions: (readonly string[])[] = [];
  isThere = false;
  listing: PromiseWithResolvers<boolean> | undefined;

  async commit(statements: readonly string[]): Promise<void> {
    this.transactions.push(statements);
  }

  async hasMap(): Promise<boolean> {
    return this.isThere;
  }

  list(_place: string, _what: string, _onLine: unknown, signal: AbortSignal): Promise<boolean> {
    const listing = Promise.withResolvers<boolean>();
    this.listing = listing;
    signal.addEventListener('abort', () => listing.resolve(false));
    return listing.promise;
  }
}

async function serving(nft: SlowNft) {
  const options = {
    family: 'IPv4' as const,
    name: 'nodectl-proxy',
    masqueradeMark: 0x4000,
    masqueradeAll: false,
    allowExternalIPs: true,
    pods: undefined,
    refuse: () => undefined,
    onBroken: () => undefined,
  };
  const plane = new NftDataPlane(options, nft, () => 0);
  plane.update({sources: new Map(), node: here, context});
  await plane.commit();
  const change = (serviceCIDR: string) => {
    const other = {...context, serviceCIDRs: [serviceCIDR]};
    plane.update({sources: new Map(), node: here, context: other});
    return plane.commit();
  };
  return {plane, change};
}

describe('a listing of the table', () => {
  it('ends when we write: nft would begin anew, with every change', async () => {
    const nft = new SlowNft();
    const {plane, change} = await serving(nft);
    const inspected = plane.inspect('all');
    await expect.poll(() => nft.listing).toBeDefined();
    expect(await change('10.96.0.0/16')).toBe('partial');
    expect(await inspected).toBeUndefined();
  });

  it('keeps our own changes waiting where it is told to', async () => {
    const nft = new SlowNft();
    const {plane, change} = await serving(nft);
    const inspected = plane.inspect('all', true);
    await expect.poll(() => nft.listing).toBeDefined();
    const before = nft.transactions.length;
    const committed = change('10.96.0.0/16');
    expect(nft.transactions.length).toBe(before);
    nft.listing?.resolve(true);
    expect(await inspected).toBeDefined();
    expect(await committed).toBe('partial');
    expect(nft.transactions.length).toBe(before + 1);
  });
});

function source(i: number): [string, ServiceSource] {
  const key = `a/svc-${i}`;
  const last = `${i >> 8}.${i & 255}`;
  const endpoints = [{ip: `10.1.${last}`}, {ip: `10.2.${last}`}];
  return [
    key,
    {
      service: service(key, {clusterIP: `10.96.${last}`, ports: [{name: 'p', port: 80}]}),
      slices: [slice({service: key, ports: [{name: 'p', port: 8080}], endpoints})],
    },
  ];
}

describe('the whole table', () => {
  const written = async (isThere: boolean, elements = 0) => {
    const table = familyTable('IPv4');
    table.updateNode(context);
    table.update(new Map(Array.from({length: 2_500}, (_, i) => source(i))), here);
    const nft = new SlowNft();
    nft.isThere = isThere;
    const plane = new NftPlane({family: 'IPv4', name: 'nodectl-proxy'}, nft, () => 0);
    expect(await plane.commit([], table, elements)).toBe('full');
    return nft.transactions;
  };

  it('is written in portions where there is none, and at once over rules that serve', async () => {
    const [portions, once] = [await written(false), await written(true)];
    expect(portions.length).toBeGreaterThan(2);
    expect(once.length).toBe(1);
    const added = (transactions: readonly (readonly string[])[]) =>
      transactions
        .flat()
        .flatMap((text) => {
          const [, container = '', list = ''] = /^add element \S+ \S+ (\S+) \{ (.*) \}$/.exec(text) ?? [];
          return list === '' ? [] : list.split(', ').map((element) => `${container} ${element}`);
        })
        .sort();
    expect(added(portions)).toEqual(added(once));
    const frame = (transactions: readonly (readonly string[])[]) =>
      transactions.flat().filter((text) => !text.startsWith('add element'));
    expect(frame(portions)).toEqual(frame(once));
  });

  it('is never without one that serves where it is too large to be written at once', async () => {
    const serving = new Set<string>(['ip nodectl-proxy']);
    for (const transaction of await written(true, 1_000_000)) {
      for (const text of transaction) {
        const [, deleted] = /^delete table (.*)$/.exec(text) ?? [];
        const [, hooked] = /^add chain (\S+ \S+) nat-prerouting \{/.exec(text) ?? [];
        if (deleted !== undefined) serving.delete(deleted);
        if (hooked !== undefined) serving.add(hooked);
      }
      expect(serving.size).toBe(1);
      const elements = transaction.filter((text) => text.startsWith('add element'));
      expect(elements.join().length).toBeLessThan(500_000);
    }
    expect([...serving]).toEqual(['ip nodectl-proxy']);
  });
});
