import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {type Nft, openNft} from '../../../src/edges/nftables/nft.ts';
import {watchNftChanges} from '../../../src/edges/nftables/nft-changes.ts';
import {viewNode} from '../../../src/proxy/model/node.ts';
import {NftDataPlane} from '../../../src/proxy/nftables/data-plane.ts';
import {node, service, slice} from '../../unit/proxy/support/objects.ts';
import {RandomCluster} from '../../unit/proxy/support/random-cluster.ts';
import {createNetns, type Netns} from '../support/netns.ts';
import {RunningProxy, StubApi} from './support/running.ts';

const view = viewNode('here', node('here', ['192.168.0.2', 'fd01::2'], 'z1'), '0.0.0.0');
const context = {nodePortIPs: undefined, serviceCIDRs: ['10.96.0.0/16']};
const table = 'ip nodectl-proxy';

const intact = {changed: undefined};
const bound = {timeout: 60_000, interval: 50};

let netns: Netns;
let nft: Nft;

beforeEach(async () => {
  netns = await createNetns('ndp');
  nft = openNft({clock: realClock, command: ['nsenter', `--net=${netns.path}`, 'nft']});
});

afterEach(async () => {
  await nft.stop();
  await netns.remove();
});

function plane(family: 'IPv4' | 'IPv6'): NftDataPlane {
  const options = {
    family,
    name: 'nodectl-proxy',
    masqueradeMark: 0x4000,
    masqueradeAll: false,
    allowExternalIPs: true,
    pods: undefined,
    refuse: () => undefined,
    onBroken: () => undefined,
  };
  return new NftDataPlane(options, nft, realClock.monotonic);
}

const web = service('a/web', {
  type: 'LoadBalancer',
  clusterIP: '10.96.0.7',
  ports: [{name: 'p', protocol: 'TCP', port: 80, nodePort: 30_080}],
});
const slices = [
  slice({
    service: 'a/web',
    ports: [{name: 'p', port: 8080}],
    endpoints: [{ip: '10.0.0.1', node: 'here'}, {ip: '10.0.0.2'}],
  }),
];

/** Every way to change one thing in our table, and what is said of it. */
const edits: [string, string, string][] = [
  ['a removed element', `delete element ${table} services { 10.96.0.7 . tcp . 80 }`, 'elements of services'],
  ['an added element', `add element ${table} cluster-ips { 10.96.0.99 }`, 'elements of cluster-ips'],
  [
    'another endpoint',
    `delete element ${table} service-cluster-tcp { 10.96.0.7 . 80 . 1 }; add element ${table} service-cluster-tcp { 10.96.0.7 . 80 . 1 : 10.0.0.9 . 8080 }`,
    'elements of service-cluster-tcp',
  ],
  ['a removed rule', `flush chain ${table} masquerading`, 'rules of masquerading'],
  ['another rule', `insert rule ${table} dispatch drop`, 'rules of dispatch'],
  ['a chain of somebody else', `add chain ${table} mine`, 'chain mine'],
];

describe('an inspection of the table', () => {
  it.each(['IPv4', 'IPv6'] as const)('finds nothing after edits of our own (%s)', async (family) => {
    const cluster = new RandomCluster(31, 12);
    const own = plane(family);
    const addresses = family === 'IPv4' ? context : {nodePortIPs: undefined, serviceCIDRs: ['fd96::/112']};
    own.update({sources: new Map(), node: view, context: addresses});
    await own.commit();
    for (let i = 1; i <= 600; i++) {
      const key = cluster.edit();
      own.update({sources: new Map([[key, cluster.source(key)]]), node: view, context: undefined});
      await own.commit();
      if (i % 40 === 0) expect(await own.inspect('all'), `after edit ${i}`).toMatchObject(intact);
    }
  });

  it.each(edits)('finds %s', async (_name, edit, said) => {
    const own = plane('IPv4');
    own.update({sources: new Map([['a/web', {service: web, slices}]]), node: view, context});
    await own.commit();
    expect(await own.inspect('all')).toMatchObject(intact);
    await netns.run('nft', [edit]);
    expect((await own.inspect('all'))?.changed).toContain(said);
    own.forget();
    await own.commit();
    expect(await own.inspect('all')).toMatchObject(intact);
  });
});

describe('what is heard of changes', () => {
  it.each([
    ['our own process ids', []],
    // There nft is another process than the one that was started, and its id is not the kernel's.
    ['those of another pid namespace', ['unshare', '--pid', '--fork', '--kill-child']],
  ])('is those of others, and of our own none, with %s', async (_name, place) => {
    await nft.stop();
    nft = openNft({clock: realClock, command: ['nsenter', `--net=${netns.path}`, ...place, 'nft']});
    let foreign = 0;
    const changes = watchNftChanges({
      clock: realClock,
      table: 'ours',
      mark: nft.mark,
      onForeign: () => foreign++,
      poke: () => nft.announce(),
      command: ['nsenter', `--net=${netns.path}`],
    });
    try {
      await nft.commit(['add table ip ours', 'add set ip ours cluster-ips { type ipv4_addr; }']);
      expect(changes.starting || changes.hears).toBe(true);
      await expect.poll(() => changes.hears, bound).toBe(true);
      expect(changes.starting).toBe(false);
      // Through a process of its own, as large ones go.
      await nft.commit([`add set ip ours t { type ipv4_addr; }`, `# ${'x'.repeat(20_000)}`]);
      await nft.commit(['delete set ip ours t']);
      expect(foreign).toBe(0);
      // iptables knows its own tables only.
      await netns.run('iptables-nft', ['-A', 'INPUT', '-p', 'tcp', '--dport', '99', '-j', 'ACCEPT']);
      await netns.run('iptables-nft-restore', [], {input: '*nat\n-A POSTROUTING -j ACCEPT\nCOMMIT\n'});
      // And what says that it is of another table is.
      await netns.run('nft', ['add', 'table', 'ip', 'theirs']);
      await netns.run('nft', ['add', 'element', 'ip', 'ours', 'cluster-ips', '{ 10.96.0.1 }']);
      await expect.poll(() => foreign, bound).toBe(1);
      await netns.run('nft', ['add', 'chain', 'ip', 'ours', 'mine']);
      await expect.poll(() => foreign, bound).toBe(2);
    } finally {
      changes.stop();
    }
  });
});

describe('a running proxy', () => {
  it('takes single changes of somebody else back, however many there are', async () => {
    const api = await StubApi.start(netns);
    await api.put('services', web);
    for (const one of slices) await api.put('endpointslices', one);
    const proxy = await RunningProxy.start({netns, apiPort: api.port});
    try {
      const element = ['get', 'element', 'ip', 'nodectl-proxy', 'services', '{ 10.96.0.7 . tcp . 80 }'];
      const isThere = async () => (await netns.run('nft', element, {okCodes: [0, 1]})).exitCode === 0;
      await expect.poll(isThere, {timeout: 60_000}).toBe(true);
      for (let round = 0; round < 5; round++) {
        await netns.run('nft', [`delete element ${table} services { 10.96.0.7 . tcp . 80 }`]);
        await expect.poll(isThere, {timeout: 60_000, interval: 50}).toBe(true);
      }
      await netns.run('nft', [`flush chain ${table} masquerading`]);
      const rules = async () =>
        (await netns.run('nft', ['list', 'chain', ...table.split(' '), 'masquerading'])).stdout;
      await expect.poll(rules, bound).toContain('masquerade');
      expect(proxy.log).toContain('the elements of services');
    } catch (error) {
      throw new Error(proxy.log.slice(-3000), {cause: error});
    } finally {
      await proxy.stop();
      await api.stop();
    }
  });
});
