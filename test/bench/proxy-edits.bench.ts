import {isDeepStrictEqual} from 'node:util';
import {realClock} from '../../src/edges/clock.ts';
import {type Nft, openNft} from '../../src/edges/nftables/nft.ts';
import type {Family} from '../../src/lib/addresses.ts';
import {viewNode} from '../../src/proxy/model/node.ts';
import {NftPlane} from '../../src/proxy/nftables/plane.ts';
import {desiredElements, listTable, plain} from '../integration/proxy/support/kernel-table.ts';
import type {Netns} from '../integration/support/netns.ts';
import {AppliedTable, dump} from '../unit/proxy/support/apply.ts';
import {node} from '../unit/proxy/support/objects.ts';
import {RandomCluster} from '../unit/proxy/support/random-cluster.ts';
import {familyTable, rendered} from '../unit/proxy/support/tables.ts';
import {benchNetns} from './proxy/place.ts';
import type {Table} from './table.ts';

const edits = 100_000;
/** The kernel takes as many, of so many Services at once. */
const editsPerCommit = 50;
const commitsPerListing = 100;
const here = viewNode('here', node('here', ['192.168.0.2', 'fd01::2'], 'z1'), '0.0.0.0');
const ranges = {IPv4: '10.96.0.0/16', IPv6: 'fd96::/112'};

type Row = readonly [
  family: Family,
  what: string,
  edits: number,
  compared: number,
  wrong: number,
  ms: string,
];

/** Each difference applied to the table before is the table rendered from nothing. */
function inMemory(family: Family): Row {
  const cluster = new RandomCluster(20_261_121, 12);
  const table = familyTable(family);
  const applied = new AppliedTable();
  applied.apply(table.updateNode({nodePortIPs: undefined, serviceCIDRs: [ranges[family]]}));
  const started = performance.now();
  let [compared, wrong] = [0, 0];
  for (let i = 1; i <= edits; i++) {
    const key = cluster.edit();
    applied.apply(table.update(new Map([[key, cluster.source(key)]]), here));
    if (i % editsPerCommit !== 0) continue;
    compared++;
    applied.check();
    if (!isDeepStrictEqual(applied.dump(), dump(rendered(table)))) wrong++;
  }
  return [family, 'differences, applied', edits, compared, wrong, msPerEdit(started)];
}

/** And so is what nft lists. */
async function inKernel(family: Family, nft: Nft, netns: Netns): Promise<Row> {
  const cluster = new RandomCluster(family === 'IPv4' ? 11 : 12, 12);
  const table = familyTable(family);
  const plane = new NftPlane({family, name: 'nodectl-proxy'}, nft, realClock.monotonic);
  await plane.commit(table.updateNode({nodePortIPs: undefined, serviceCIDRs: [ranges[family]]}), table);
  const started = performance.now();
  let [compared, wrong] = [0, 0];
  for (let i = 1; i <= edits / editsPerCommit; i++) {
    const keys = Array.from({length: editsPerCommit}, () => cluster.edit());
    const operations = table.update(new Map(keys.map((key) => [key, cluster.source(key)])), here);
    await plane.commit(operations, table);
    await plane.sweep();
    if (i % commitsPerListing !== 0) continue;
    compared++;
    const desired = rendered(table);
    const {elements} = await listTable(netns.run, desired);
    if (!isDeepStrictEqual(plain(elements), plain(desiredElements(desired)))) wrong++;
  }
  return [family, 'commits, listed', edits, compared, wrong, msPerEdit(started)];
}

function msPerEdit(started: number): string {
  return ((performance.now() - started) / edits).toFixed(3);
}

/** Random Services and slices, random edits. */
export default async function proxyEdits(): Promise<Table[]> {
  const {netns, remove} = await benchNetns();
  const nft = openNft({clock: realClock, command: ['nsenter', `--net=${netns.path}`, 'nft']});
  const rows: Row[] = [];
  try {
    for (const family of ['IPv4', 'IPv6'] as const)
      rows.push(inMemory(family), await inKernel(family, nft, netns));
  } finally {
    await nft.stop();
    await remove();
  }
  return [
    {
      title: 'Random edits',
      columns: ['family', 'what', 'edits', 'compared', 'wrong', 'ms/edit'],
      rows,
    },
  ];
}
