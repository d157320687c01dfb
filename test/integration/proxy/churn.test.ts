import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {type Nft, openNft} from '../../../src/edges/nftables/nft.ts';
import type {EndpointSlice, Service} from '../../../src/lib/kubernetes.ts';
import {viewNode} from '../../../src/proxy/model/node.ts';
import {NftPlane} from '../../../src/proxy/nftables/plane.ts';
import {tableStatements} from '../../../src/proxy/nftables/text.ts';
import {node, service, slice} from '../../unit/proxy/support/objects.ts';
import {familyTable} from '../../unit/proxy/support/tables.ts';
import {podRange, serviceRange, world} from '../../unit/proxy/support/vectors.ts';
import {Lab} from './support/lab.ts';

/** For each scene at least so many, together tens of thousands and some thousand. */
const connections = 5_000;
const leastChanges = 150;
const clients = 4;
const vip = world.vip1?.IPv4 ?? '';
const [ep1, ep2] = [world.ep1?.IPv4 ?? '', world.ep2?.IPv4 ?? ''];
const here = viewNode('here', node('here', [world.node?.IPv4 ?? '']), '0.0.0.0');

const flow = {protocol: 'TCP', host: vip, port: 80, count: 250, timeoutMs: 5_000} as const;

let lab: Lab;
let nft: Nft;

beforeAll(async () => {
  lab = await Lab.create();
  // A tuple that is used again must be a new connection for the rules.
  await lab.node.run('sysctl', ['-qw', 'net.netfilter.nf_conntrack_tcp_timeout_time_wait=1']);
  nft = openNft({clock: realClock, command: ['nsenter', `--net=${lab.node.path}`, 'nft']});
});

afterAll(async () => {
  await nft?.stop();
  await lab?.remove();
});

const web = (spec: Service['spec'] = {}) =>
  service('a/web', {
    clusterIP: vip,
    ports: [{name: 'p', protocol: 'TCP', port: 80}],
    ...spec,
  });
const endpoints = (...ips: readonly string[]) =>
  slice({
    service: 'a/web',
    ports: [{name: 'p', port: 8080}],
    endpoints: ips.map((ip) => ({ip, node: 'here'})),
  });
const affine = web({sessionAffinity: 'ClientIP', sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}});
const local = web({internalTrafficPolicy: 'Local'});

type Scene = {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly whole?: 'at once' | 'in parts';
};

/** Each is served at all times: whatever follows whatever, nobody may be refused. */
const scenes: Readonly<Record<string, readonly Scene[]>> = {
  'endpoints come and go': [
    {service: web(), slices: [endpoints(ep1)]},
    {service: web(), slices: [endpoints(ep1, ep2)]},
    {service: web(), slices: [endpoints(ep2)]},
    {service: web(), slices: [endpoints(ep2, ep1)]},
  ],
  'the traffic policy changes': [
    {service: web(), slices: [endpoints(ep1, ep2)]},
    {service: local, slices: [endpoints(ep2, ep1)]},
    {service: local, slices: [endpoints(ep1)]},
  ],
  'the whole table is written again': [
    {service: web(), slices: [endpoints(ep1, ep2)], whole: 'at once'},
    {service: web(), slices: [endpoints(ep2)], whole: 'at once'},
  ],
  'the whole table is written again, too large for one transaction': [
    {service: web(), slices: [endpoints(ep1, ep2)], whole: 'in parts'},
    {service: web(), slices: [endpoints(ep2)], whole: 'in parts'},
  ],
  'session affinity is switched on and off': [
    {service: web(), slices: [endpoints(ep1, ep2)]},
    {service: affine, slices: [endpoints(ep1, ep2)]},
    {service: affine, slices: [endpoints(ep2)]},
    {service: affine, slices: [endpoints(ep1, ep2)]},
  ],
};

/** 3 degrees of freedom: once in a million runs chance alone goes beyond. */
const chiSquareBound = 30.66;

describe('ten thousand connections', () => {
  it('are spread evenly over four endpoints', async () => {
    const table = familyTable('IPv4', {pods: {by: 'cidr', cidr: podRange.IPv4}});
    table.updateNode({nodePortIPs: undefined, serviceCIDRs: [serviceRange.IPv4]});
    const both = [8080, 8081].map((port) =>
      slice({
        service: 'a/web',
        name: `web-${port}`,
        ports: [{name: 'p', port}],
        endpoints: [{ip: ep1}, {ip: ep2}],
      }),
    );
    table.update(new Map([['a/web', {service: web(), slices: both}]]), here);
    await nft.commit(tableStatements(table));
    const seen = new Map<string, number>();
    for (let made = 0; made < 10_000; ) {
      const answers = await Promise.all(Array.from({length: clients}, () => lab.peer('pod').flow(flow)));
      for (const {text = '', failed} of answers.flat()) {
        expect(failed).toBeUndefined();
        const endpoint = text.split(' ').slice(0, 2).join(':');
        seen.set(endpoint, (seen.get(endpoint) ?? 0) + 1);
        made++;
      }
    }
    expect(seen.size).toBe(4);
    const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
    const expected = total / 4;
    const chiSquare = [...seen.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare, JSON.stringify([...seen])).toBeLessThan(chiSquareBound);
  });
});

describe('changes as fast as the kernel takes them', () => {
  it.each(Object.entries(scenes))('lose no connection while %s', async (_name, scene) => {
    const table = familyTable('IPv4', {pods: {by: 'cidr', cidr: podRange.IPv4}});
    const plane = new NftPlane({family: 'IPv4', name: 'nodectl-proxy'}, nft, realClock.monotonic);
    const commit = (source: Scene | undefined) => {
      if (source?.whole) plane.forget();
      return plane.commit(
        source === undefined
          ? table.updateNode({nodePortIPs: undefined, serviceCIDRs: [serviceRange.IPv4]})
          : table.update(new Map([['a/web', source]]), here),
        table,
        source?.whole === 'in parts' ? Number.POSITIVE_INFINITY : 0,
      );
    };
    await commit(undefined);
    await commit(scene[0]);
    let over = false;
    let changes = 0;
    let connected = 0;
    const changing = (async () => {
      while (!over) await commit(scene[changes++ % scene.length]);
    })();
    const failed: string[] = [];
    while (failed.length === 0 && (connected < connections || changes < leastChanges)) {
      const answers = await Promise.all(Array.from({length: clients}, () => lab.peer('pod').flow(flow)));
      connected += answers.flat().length;
      failed.push(...answers.flatMap((list) => list.flatMap((answer) => answer.failed ?? [])));
    }
    over = true;
    await changing;
    expect(failed, `of ${connected} connections during ${changes} changes`).toEqual([]);
  });
});
