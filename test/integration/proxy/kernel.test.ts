import {readFile} from 'node:fs/promises';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {type Nft, openNft} from '../../../src/edges/nftables/nft.ts';
import {complaintIn} from '../../../src/edges/nftables/nft-sight.ts';
import {asArguments} from '../../../src/edges/nftables/statements-file.ts';
import {run} from '../../../src/edges/process/exec.ts';
import {viewNode} from '../../../src/proxy/model/node.ts';
import {NftPlane} from '../../../src/proxy/nftables/plane.ts';
import {probeStatements} from '../../../src/proxy/nftables/probe.ts';
import {removalStatements, tableStatements} from '../../../src/proxy/nftables/text.ts';
import type {FamilyTable} from '../../../src/proxy/table/family-table.ts';
import {node, service, slice} from '../../unit/proxy/support/objects.ts';
import {RandomCluster} from '../../unit/proxy/support/random-cluster.ts';
import {familyTable, rendered} from '../../unit/proxy/support/tables.ts';
import {createNetns, type Netns} from '../support/netns.ts';
import {desiredElements, listTable, plain, sortedEntries} from './support/kernel-table.ts';

/** Of both families together twenty thousand edits; `npm run bench proxy-edits` makes ten times as many. */
const commits = 200;
const editsPerCommit = 50;
const here = viewNode('here', node('here', ['192.168.0.2', 'fd01::2'], 'z1'), '0.0.0.0');
const context = {nodePortIPs: ['192.168.0.2'], serviceCIDRs: ['10.96.0.0/16']};

let netns: Netns;
let other: Netns;
let nft: Nft;

const nftIn = (where: Netns) => ['nsenter', `--net=${where.path}`, 'nft'];

beforeEach(async () => {
  netns = await createNetns('ndp');
  other = await createNetns('ndq');
  nft = openNft({clock: realClock, command: nftIn(netns)});
});

afterEach(async () => {
  await nft.stop();
  await Promise.all([netns.remove(), other.remove()]);
});

/** The kernel, the desired table, and the same table loaded from nothing elsewhere are one. */
async function expectSame(table: FamilyTable, when: string): Promise<void> {
  const desired = rendered(table);
  const kernel = await listTable(netns.run, desired);
  expect(plain(kernel.elements), when).toEqual(plain(desiredElements(desired)));
  const fresh = openNft({clock: realClock, command: nftIn(other)});
  await fresh.commit(tableStatements(table));
  await fresh.stop();
  const loaded = await listTable(other.run, desired);
  expect(sortedEntries(kernel.chains), when).toEqual(sortedEntries(loaded.chains));
}

/** Chains out of use are deleted a while after; here the while is at once. */
const impatient = () => {
  let now = 0;
  return () => {
    now += 10_000;
    return now;
  };
};

describe('the kernel after random edits', () => {
  it.each(['IPv4', 'IPv6'] as const)('is the table rendered from nothing (%s)', async (family) => {
    const cluster = new RandomCluster(family === 'IPv4' ? 11 : 12, 12);
    const table = familyTable(family);
    const place = {family, name: 'nodectl-proxy'};
    const plane = new NftPlane(place, nft, impatient());
    const addresses = family === 'IPv4' ? context : {nodePortIPs: ['fd01::2'], serviceCIDRs: ['fd96::/112']};
    await plane.commit(table.updateNode(addresses), table);
    for (let i = 1; i <= commits; i++) {
      const keys = Array.from({length: editsPerCommit}, () => cluster.edit());
      const operations = table.update(new Map(keys.map((key) => [key, cluster.source(key)])), here);
      await plane.commit(operations, table);
      await plane.sweep();
      if (i % 100 === 0) await expectSame(table, `after commit ${i}`);
    }
  });

  it('is taken over from a table that somebody left there', async () => {
    await nft.commit([
      'add table ip nodectl-proxy',
      'add chain ip nodectl-proxy services { type filter hook input priority 0; }',
    ]);
    const table = familyTable('IPv4');
    const plane = new NftPlane({family: 'IPv4', name: 'nodectl-proxy'}, nft, realClock.monotonic);
    expect(await plane.commit(table.updateNode(context), table)).toBe('full');
    await expectSame(table, 'taken over');
  });
});

describe('a client that is bound to an endpoint', () => {
  const families = [
    ['IPv4', 'ip', '10.0.0.', '192.0.2.9'],
    ['IPv6', 'ip6', 'fd00::', '2001:db8::9'],
  ] as const;

  it.each(families)(
    'stays so when the whole table is written again (%s)',
    async (family, word, pods, client) => {
      const table = familyTable(family);
      table.updateNode({nodePortIPs: undefined, serviceCIDRs: []});
      const clusterIP = family === 'IPv4' ? '10.96.0.1' : 'fd96::1';
      const ports = [{name: 'p', protocol: 'TCP', port: 80}];
      const source = {
        service: service('a/web', {clusterIP, ports, sessionAffinity: 'ClientIP'}),
        slices: [
          slice({service: 'a/web', family, ports: [{name: 'p', port: 8080}], endpoints: [{ip: `${pods}1`}]}),
        ],
      };
      table.update(new Map([['a/web', source]]), here);
      const place = {family, name: 'nodectl-proxy'};
      await new NftPlane(place, nft, realClock.monotonic).commit([], table);
      const set = `clients/a/web/tcp/80/${pods.replaceAll(':', '.')}1/8080`;
      await nft.commit([
        `add element ${word} nodectl-proxy ${set} { ${client} timeout 3600s expires 1800s }`,
      ]);

      const another = new NftPlane(place, nft, realClock.monotonic);
      expect(await another.commit([], table)).toBe('full');
      const {stdout} = await netns.run('nft', ['list', 'set', word, 'nodectl-proxy', set]);
      expect(stdout).toMatch(new RegExp(`elements = \\{ ${client} timeout 29m\\d+s expires 29m`));
    },
  );
});

describe('nft that stays', () => {
  it.each([
    ['short', 0],
    ['long', 1_000],
    ['very long', 30_000],
  ])('does all of a %s transaction or nothing, and says why', async (_length, rules) => {
    await nft.commit([
      'add table ip t',
      'add set ip t s { type ipv4_addr; }',
      'add chain ip t c',
      ...Array<string>(rules).fill('add rule ip t c accept'),
    ]);
    const bad = [
      'add element ip t s { 10.0.0.1 }',
      ...Array<string>(rules).fill('add rule ip t c accept'),
      'delete element ip t s { 10.0.0.2 }',
    ];
    await expect(nft.commit(bad)).rejects.toThrow(/ND712|No such file/);
    await nft.commit(['add element ip t s { 10.0.0.3 }']);
    const {elements, chains} = await listTable(netns.run, {family: 'IPv4', name: 't'});
    expect([...(elements.get('s') ?? new Map()).keys()]).toEqual(['10.0.0.3']);
    expect(chains.get('c')?.length ?? 0).toBe(rules);
  });

  it('neither reads nor leaves a history of what it was told, and is replaced before that fills its memory', async () => {
    await nft.commit(['add table ip t', 'add set ip t s { type ipv4_addr; }']);
    const first = (await run('ip', ['netns', 'pids', netns.name])).stdout;
    const [pid = ''] = first.split('\n');
    expect(await readFile(`/proc/${pid}/environ`, 'utf8')).toContain('HOME=/dev/null');
    const long = ['flush set ip t s', `add element ip t s { ${'10.0.0.1, '.repeat(1_500)} }`];
    for (let i = 0; i < 100; i++) await nft.commit(long);
    await expect.poll(async () => (await run('ip', ['netns', 'pids', netns.name])).stdout).not.toBe(first);
    expect([...(await listTable(netns.run, {family: 'IPv4', name: 't'})).elements.keys()]).toEqual(['s']);
  });

  it('works on after its child was killed in the middle', async () => {
    await nft.commit(['add table ip t', 'add set ip t s { type ipv4_addr; }']);
    const pids = await run('ip', ['netns', 'pids', netns.name]);
    for (const pid of pids.stdout.split('\n').filter((line) => line !== ''))
      process.kill(Number(pid), 'SIGKILL');
    await expect
      .poll(() =>
        nft.commit(['add element ip t s { 10.0.0.1 }']).then(
          () => 'done',
          () => 'failed',
        ),
      )
      .toBe('done');
  });

  it('is a process each time where nft cannot be talked to', async () => {
    // `nft -i` of this one ends at once; like nft 1.0.9 it reads files, and not what Node gives as standard input.
    const takes = '[ "$1" = -i ] && exit 1; [ "$1" != -f ] || [ -f "$2" ] || exit 1';
    const dumb = ['sh', '-c', `${takes}; exec nsenter --net=${netns.path} nft "$@"`, 'nft'];
    const fallback = openNft({clock: realClock, command: dumb});
    await fallback.commit(['add table ip t', 'add set ip t s { type ipv4_addr; }']);
    await fallback.commit(['add element ip t s { 10.0.0.1 }']);
    await expect(fallback.commit(['delete element ip t s { 10.0.0.9 }'])).rejects.toThrow(/nft refused/);
    await fallback.stop();
    const {elements} = await listTable(netns.run, {family: 'IPv4', name: 't'});
    expect([...(elements.get('s') ?? new Map()).keys()]).toEqual(['10.0.0.1']);
  });

  it('understands the words that older ones do not', async () => {
    const check = async (statements: readonly string[]) =>
      complaintIn(
        (await netns.run('nft', ['--check', ...asArguments(statements)], {okCodes: [0, 1]})).stderr,
      );
    expect(await check(probeStatements('nodectl-proxy'))).toBeUndefined();
    expect((await netns.run('nft', ['list', 'tables'])).stdout).toBe('');
    expect(await check(['add map ip t m { typeof nonsense : ip daddr; }'])).toMatch(/typeof|nonsense/);
  });

  it('sees whether a map is there', async () => {
    const key = '0.0.0.0 . tcp . 0';
    expect(await nft.hasMap('ip nodectl-proxy', 'services', key)).toBe(false);
    await nft.commit(tableStatements(familyTable('IPv4')));
    expect(await nft.hasMap('ip nodectl-proxy', 'services', key)).toBe(false);
    const table = familyTable('IPv4');
    table.updateNode(context);
    await nft.commit(tableStatements(table));
    expect(await nft.hasMap('ip nodectl-proxy', 'services', key)).toBe(true);
    await netns.run('nft', ['flush', 'ruleset']);
    expect(await nft.hasMap('ip nodectl-proxy', 'services', key)).toBe(false);
  });

  it('leaves what is not ours byte for byte', async () => {
    const foreign =
      'table ip mine { chain c { type nat hook prerouting priority -100; tcp dport 99 redirect to :98; }; }';
    await netns.run('nft', [foreign]);
    const before = await netns.run('nft', ['-a', 'list', 'table', 'ip', 'mine']);
    const table = familyTable('IPv4');
    table.updateNode(context);
    await nft.commit(tableStatements(table));
    await nft.commit(removalStatements({family: 'IPv4', name: 'nodectl-proxy'}));
    expect((await netns.run('nft', ['-a', 'list', 'table', 'ip', 'mine'])).stdout).toBe(before.stdout);
    expect((await netns.run('nft', ['list', 'tables'])).stdout).toBe('table ip mine');
  });
});
