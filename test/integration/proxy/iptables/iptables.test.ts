import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {type Backend, openIptables} from '../../../../src/edges/nftables/iptables.ts';
import {start} from '../../../../src/edges/process/exec.ts';
import type {Family} from '../../../../src/lib/addresses.ts';
import {readSaved} from '../../../../src/proxy/iptables/observed.ts';
import {readAcceptedOnLoopback, readDroppedAsInvalid} from '../../../../src/proxy/iptables/packet-counts.ts';
import {removalInputs} from '../../../../src/proxy/iptables/removal.ts';
import {viewNode} from '../../../../src/proxy/model/node.ts';
import {iptablesPlane} from '../../../unit/proxy/iptables/support/planes.ts';
import {node, service, slice} from '../../../unit/proxy/support/objects.ts';
import {RandomCluster} from '../../../unit/proxy/support/random-cluster.ts';
import {createNetns, type Netns} from '../../support/netns.ts';
import {canServe, iptablesIn, listed, saved} from './iptables-support.ts';

const here = viewNode('here', node('here', ['192.168.0.2', 'fd01::2'], 'z1'), '0.0.0.0');
const context = {nodePortIPs: undefined, serviceCIDRs: []};

let netns: Netns;
let other: Netns;

beforeEach(async () => {
  netns = await createNetns('ndi');
  other = await createNetns('ndj');
});

afterEach(async () => {
  await Promise.all([netns.remove(), other.remove()]);
});

async function foreignRules(backend: Backend): Promise<void> {
  const input = [
    '*filter',
    ':DOCKER - [0:0]',
    '-A DOCKER -s 192.0.2.0/24 -m comment --comment "not ours" -j DROP',
    '-A FORWARD -j DOCKER',
    'COMMIT',
    '*nat',
    ':CNI-0123 - [0:0]',
    '-A CNI-0123 ! -d 224.0.0.0/4 -j MASQUERADE',
    '-A POSTROUTING -s 10.9.0.0/16 -j CNI-0123',
    '-A PREROUTING -p tcp -m tcp --dport 99 -j RETURN',
    'COMMIT',
  ];
  for (const family of ['IPv4', 'IPv6'] as const) {
    const six = (line: string) =>
      line
        .replace('192.0.2.0/24', 'fd02::/64')
        .replace('224.0.0.0/4', 'ff00::/8')
        .replace('10.9.0.0/16', 'fd09::/64');
    await iptablesIn(netns, family, backend).restore(family === 'IPv6' ? input.map(six) : input);
  }
}

const web = service('a/web', {clusterIP: '10.96.0.9', ports: [{name: 'p', protocol: 'TCP', port: 80}]});
const webSlice = slice({service: 'a/web', ports: [{name: 'p', port: 8080}], endpoints: [{ip: '10.0.0.1'}]});
/** Its endpoint listens nowhere: connections are refused, and counted before. */
const onNodePort = new Map([
  [
    'a/web',
    {
      service: service('a/web', {
        type: 'NodePort',
        clusterIP: '10.96.0.9',
        ports: [{name: 'p', protocol: 'TCP', port: 80, nodePort: 30080}],
      }),
      slices: [slice({service: 'a/web', ports: [{name: 'p', port: 8080}], endpoints: [{ip: '10.0.0.1'}]})],
    },
  ],
]);
const webOnly = new Map([['a/web', {service: web, slices: [webSlice]}]]);

describe.each(['nft', 'legacy'] as const)('the kernel by iptables-%s', (backend) => {
  const inNetns = (where: Netns, family: Family = 'IPv4') => iptablesIn(where, family, backend);

  it.for(['IPv4', 'IPv6'] as const)(
    'after random edits holds what is rendered from nothing (%s)',
    async (family, {skip}) => {
      if (!(await canServe(netns, backend))) skip();
      const cluster = new RandomCluster(31, 12);
      const plane = iptablesPlane(inNetns(netns, family));
      plane.update({sources: new Map(), node: here, context});
      await plane.commit();
      for (let i = 1; i <= 120; i++) {
        const key = cluster.edit();
        plane.update({sources: new Map([[key, cluster.source(key)]]), node: here, context: undefined});
        expect(await plane.commit()).not.toBe('full');
        if (i % 40 !== 0) continue;
        const fresh = iptablesPlane(inNetns(other, family));
        fresh.update({sources: cluster.sources(), node: here, context});
        await fresh.commit();
        expect(await listed(inNetns(netns, family)), `after edit ${i}`).toEqual(
          await listed(inNetns(other, family)),
        );
      }
    },
  );

  it('gives back what was there before, byte for byte', async ({skip}) => {
    if (!(await canServe(netns, backend))) skip();
    await foreignRules(backend);
    // The mangle table is made by the first look at it.
    for (const family of ['IPv4', 'IPv6'] as const)
      await inNetns(netns, family).restore(['*mangle', 'COMMIT']);
    const before = await saved(netns, backend);
    for (const family of ['IPv4', 'IPv6'] as const) {
      const iptables = inNetns(netns, family);
      const plane = iptablesPlane(iptables, {localhostNodePorts: family === 'IPv4'});
      const cluster = new RandomCluster(32, 12);
      for (let i = 0; i < 100; i++) cluster.edit();
      plane.update({sources: cluster.sources(), node: here, context});
      await plane.commit();
      expect(await iptables.save()).toContain('KUBE-SVC-');
      for (const input of removalInputs(readSaved(await iptables.save()))) await iptables.restore(input);
    }
    expect((await saved(netns, backend)).replace(/^\*mangle\n(:.*\n)*COMMIT\n/gm, '')).toBe(
      before.replace(/^\*mangle\n(:.*\n)*COMMIT\n/gm, ''),
    );
  });

  it('is taken over from kube-proxy, and stale chains go', async ({skip}) => {
    if (!(await canServe(netns, backend))) skip();
    const iptables = inNetns(netns);
    await iptables.restore([
      '*nat',
      ':KUBE-SERVICES - [0:0]',
      ':KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]',
      ':KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]',
      '-A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA',
      '-A KUBE-SERVICES -d 10.96.7.7/32 -j KUBE-SVC-AAAAAAAAAAAAAAAA',
      '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      'COMMIT',
    ]);
    const plane = iptablesPlane(iptables);
    plane.update({sources: webOnly, node: here, context});
    expect(await plane.commit()).toBe('full');
    const {chains, rules} = readSaved(await iptables.save());
    expect([...chains].filter((chain) => chain.includes('AAAA'))).toEqual([]);
    expect(rules.get('nat PREROUTING')).toEqual([
      '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    ]);
  });

  it('is looked at, and what a stranger takes away is missed', async ({skip}) => {
    if (!(await canServe(netns, backend))) skip();
    const iptables = inNetns(netns);
    const plane = iptablesPlane(iptables);
    plane.update({sources: webOnly, node: here, context});
    await plane.commit();
    expect(await plane.isIntact()).toBe(true);
    const whole = await listed(iptables);
    for (const theft of [
      ['*nat', '-F', 'COMMIT'],
      ['*filter', '-F FORWARD', 'COMMIT'],
      ['*nat', '-F KUBE-POSTROUTING', 'COMMIT'],
    ]) {
      await iptables.restore(theft);
      expect(await plane.isIntact(), theft.join(' ')).toBe(false);
      plane.forget();
      expect(await plane.commit()).toBe('full');
      expect(await listed(iptables), theft.join(' ')).toEqual(whole);
    }
  });

  it('counts the connections to loopback that a node port takes', async ({skip}) => {
    if (!(await canServe(netns, backend))) skip();
    const iptables = {family: 'IPv4', backend, command: ['nsenter', `--net=${netns.path}`]} as const;
    const plane = iptablesPlane(inNetns(netns), {localhostNodePorts: true});
    plane.update({sources: onNodePort, node: here, context});
    await plane.commit();
    const connect = async (port: number) =>
      netns.run('busybox', ['nc', '-w', '1', '127.0.0.1', String(port)], {okCodes: [0, 1]});
    await netns.run('ip', ['address', 'add', '10.0.0.1/32', 'dev', 'lo']);
    await connect(30081);
    expect(await readAcceptedOnLoopback(iptables)).toBe(0);
    await connect(30080);
    await connect(30080);
    expect(await readAcceptedOnLoopback(iptables)).toBe(2);
    expect(await readDroppedAsInvalid(iptables)).toBe(0);
  });

  it('takes all Services but one that it refuses', async ({skip}) => {
    if (!(await canServe(netns, backend))) skip();
    const broken: string[] = [];
    const iptables = inNetns(netns);
    const plane = iptablesPlane(iptables, {onBroken: (key) => broken.push(key)});
    // xt_recent takes names and times that are not those of the API; a time that it cannot keep stands for any.
    const bad = service('a/bad', {
      clusterIP: '10.96.0.10',
      ports: [{name: 'p', protocol: 'TCP', port: 80}],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: {clientIP: {timeoutSeconds: 2 ** 40}},
    });
    const badSlice = slice({
      service: 'a/bad',
      ports: [{name: 'p', port: 8080}],
      endpoints: [{ip: '10.0.0.2'}],
    });
    plane.update({
      sources: new Map([...webOnly, ['a/bad', {service: bad, slices: [badSlice]}]]),
      node: here,
      context,
    });
    expect(await plane.commit()).toBe('full');
    expect(broken).toEqual(['a/bad']);
    const text = await iptables.save();
    expect(text).toContain('a/web:p cluster IP');
    expect(text).not.toContain('a/bad');
  });
});

it('does not write while another program holds the lock of iptables-legacy', async ({skip}) => {
  if (!(await canServe(netns, 'legacy'))) skip();
  const directory = await mkdtemp(join(tmpdir(), 'nodectl-lock-'));
  const lock = join(directory, 'lock');
  const holder = start('flock', [lock, 'cat']);
  holder.stdin.write('held\n');
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  const command = ['env', `XTABLES_LOCKFILE=${lock}`, 'nsenter', `--net=${netns.path}`];
  const iptables = openIptables({family: 'IPv4', backend: 'legacy', command, lockSeconds: 1});
  const plane = iptablesPlane(iptables);
  plane.update({sources: webOnly, node: here, context});
  await expect(plane.commit()).rejects.toThrow(/lock/);
  expect(plane.known).toBe(false);
  holder.stdin.end();
  await holder;
  expect(await plane.commit()).toBe('full');
  expect(await iptables.save('nat')).toContain('a/web:p cluster IP');
  await rm(directory, {recursive: true});
});
