import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {node, service, slice} from '../../../unit/proxy/support/objects.ts';
import {world} from '../../../unit/proxy/support/vectors.ts';
import {Lab} from '../support/lab.ts';
import {RunningProxy, StubApi} from '../support/running.ts';
import {canServe, iptablesIn, saved} from './iptables-support.ts';

const vip = world.vip1?.IPv4 ?? '';
const [ep1, ep2] = [world.ep1?.IPv4 ?? '', world.ep2?.IPv4 ?? ''];
const bound = {timeout: 20_000, interval: 50};

let lab: Lab;
let api: StubApi;
let proxies: RunningProxy[];

beforeEach(async ({skip}) => {
  lab = await Lab.create();
  proxies = [];
  api = await StubApi.start(lab.node);
  if (!(await canServe(lab.node, 'nft'))) skip('this kernel lacks what iptables-nft needs');
  await api.put('nodes', node('here', [world.node?.IPv4 ?? '', world.node?.IPv6 ?? '']));
  await api.put('services', web());
  await api.put('endpointslices', endpoints([ep1, ep2]));
});

afterEach(async ({task}) => {
  if (task.result?.state === 'fail') for (const proxy of proxies) console.log(proxy.log.slice(-4000));
  for (const proxy of proxies) await proxy.stop();
  await api?.stop();
  await lab?.remove();
});

const web = (protocol = 'TCP', spec: object = {}) =>
  service('a/web', {
    type: 'NodePort',
    clusterIP: vip,
    ports: [{name: 'p', protocol, port: 80, nodePort: 30_080}],
    ...spec,
  });
const endpoints = (ips: readonly string[], protocol = 'TCP') =>
  slice({
    service: 'a/web',
    ports: [{name: 'p', protocol, port: 8080}],
    endpoints: ips.map((ip) => ({ip, node: 'here'})),
  });

async function begin(
  mode: 'nftables' | 'iptables',
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProxy> {
  const proxy = await RunningProxy.start({netns: lab.node, apiPort: api.port, mode, env});
  proxies.push(proxy);
  return proxy;
}

async function ask(from: string, count = 1, host = vip, port = 80, protocol: 'TCP' | 'UDP' = 'TCP') {
  const answers = await lab.peer(from).flow({protocol, host, port, count, timeoutMs: 3_000});
  return answers.map((answer) => answer.failed ?? answer.text?.split(' ')[0]);
}

async function isServed(): Promise<boolean> {
  const answers = await ask('pod', 2);
  return answers.every((answer) => answer === ep1 || answer === ep2);
}

const rulesOf = (backend: 'nft' | 'legacy') => iptablesIn(lab.node, 'IPv4', backend).save();
const rules = () => rulesOf('nft');

async function tables(): Promise<string> {
  return (await lab.node.run('nft', ['list', 'tables'])).stdout;
}

describe('a proxy in iptables mode', () => {
  it('follows Services, on loopback too, and tells its mode and figures', async () => {
    const proxy = await begin('iptables');
    await expect.poll(isServed, bound).toBe(true);
    await expect
      .poll(async () => [...new Set(await ask('node', 4, '127.0.0.1', 30_080))].length, bound)
      .toBe(2);
    expect(await ask('outside', 1, world.node?.IPv4, 30_080)).not.toContain('timeout');
    await api.put('endpointslices', endpoints([ep2]));
    await expect.poll(async () => [...new Set(await ask('pod', 12))], bound).toEqual([ep2]);
    expect((await proxy.get('/proxyMode', 10_249)).stdout).toBe('200 iptables');
    const metrics = (await proxy.get('/metrics', 10_249)).stdout;
    expect(metrics).toMatch(
      /kubeproxy_sync_proxy_rules_iptables_total\{table="nat",ip_family="IPv4"\} [1-9]/,
    );
    await api.delete('endpointslices', endpoints([]));
    await expect.poll(() => ask('pod'), bound).toEqual(['ECONNREFUSED']);
  });

  it('keeps clients where they were, and ends UDP flows to endpoints that are gone', async () => {
    const affinity = {sessionAffinity: 'ClientIP', sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}};
    await api.put('services', web('UDP', affinity));
    await api.put('endpointslices', endpoints([ep1, ep2], 'UDP'));
    await begin('iptables');
    const udp = (count: number) => ask('pod', count, vip, 80, 'UDP');
    const here = async () => {
      const answers = new Set(await udp(12));
      return answers.size === 1 && [ep1, ep2].some((ip) => answers.has(ip));
    };
    // Twelve that nobody answers are of one mind too.
    await expect.poll(here, bound).toBe(true);
    const [mine = ''] = await udp(1);
    const other = mine === ep1 ? ep2 : ep1;
    await api.put('endpointslices', endpoints([other], 'UDP'));
    const flows = async () =>
      (await lab.node.run('conntrack', ['-L', '-p', 'udp', '--orig-dst', vip])).stdout;
    await expect.poll(flows, bound).not.toContain(`src=${mine}`);
    expect(new Set(await udp(12))).toEqual(new Set([other]));
  });

  it('writes its rules again when a stranger takes some away', async () => {
    await begin('iptables');
    await expect.poll(isServed, bound).toBe(true);
    for (const [program, ...args] of [
      ['iptables-nft', '-t', 'nat', '-F'],
      ['iptables-nft', '-t', 'nat', '-F', 'KUBE-POSTROUTING'],
      ['nft', 'flush', 'ruleset'],
    ] as const) {
      await lab.node.run(program, args);
      await expect.poll(rules, bound).toMatch(/-A PREROUTING .*-j KUBE-SERVICES\n(.*\n)*-A KUBE-POSTROUTING/);
      await expect.poll(isServed, bound).toBe(true);
    }
  });

  it('goes by what a kubelet has left for iptables-legacy', async ({skip}) => {
    if (!(await canServe(lab.node, 'legacy'))) skip('this kernel lacks what iptables-legacy needs');
    await iptablesIn(lab.node, 'IPv4', 'legacy').restore([
      '*mangle',
      ':KUBE-IPTABLES-HINT - [0:0]',
      'COMMIT',
    ]);
    await begin('iptables');
    await expect.poll(isServed, bound).toBe(true);
    expect(await rulesOf('legacy')).toContain('a/web:p cluster IP');
    expect(await rules()).not.toContain('KUBE-');
  });
});

describe('another mode', () => {
  it('takes over without a gap, and leaves nothing of the one before', async () => {
    let stop = false;
    const modes = ['nftables', 'iptables', 'nftables'] as const;
    const answers: (string | undefined)[] = [];
    let asking: Promise<void> | undefined;
    for (const mode of modes) {
      const proxy = await begin(mode);
      const gone = mode === 'nftables' ? rules : tables;
      await expect.poll(isServed, bound).toBe(true);
      await expect
        .poll(mode === 'nftables' ? tables : rules, bound)
        .toMatch(/nodectl-proxy|KUBE-PROXY-NODECTL/);
      await expect.poll(gone, bound).not.toMatch(/nodectl-proxy|KUBE-/);
      asking ??= (async () => {
        while (!stop) answers.push(...(await ask('pod', 8)));
      })();
      if (mode !== modes.at(-1) || proxies.length < modes.length) await proxy.end('SIGTERM');
    }
    stop = true;
    await asking;
    expect(answers.filter((answer) => answer !== ep1 && answer !== ep2)).toEqual([]);
  });

  it('leaves nothing of the one before, also where somebody holds the rules while it takes over', async () => {
    const before = await begin('iptables');
    await expect.poll(isServed, bound).toBe(true);
    await before.end('SIGTERM');
    const programs = await mkdtemp(join(tmpdir(), 'nodectl-held-'));
    try {
      const held = join(programs, 'iptables-nft-restore');
      const lines = [
        '#!/bin/sh',
        `echo >>${programs}/tries`,
        `test $(wc -l <${programs}/tries) -gt 2 || exit 4`,
        'exec /usr/sbin/iptables-nft-restore "$@"',
      ];
      await writeFile(held, `${lines.join('\n')}\n`, {mode: 0o755});
      await begin('nftables', {PATH: `${programs}:${process.env.PATH}`});
      await expect.poll(rules, bound).not.toContain('KUBE-');
      expect(await isServed()).toBe(true);
    } finally {
      await rm(programs, {recursive: true, force: true});
    }
  });

  it('cleans up after both, and leaves foreign rules byte for byte', async () => {
    const foreign = [
      '*nat',
      ':CNI-0123 - [0:0]',
      '-A CNI-0123 -s 10.9.0.0/16 -j MASQUERADE',
      '-A POSTROUTING -j CNI-0123',
      'COMMIT',
    ];
    await iptablesIn(lab.node, 'IPv4', 'nft').restore(foreign);
    const before = await saved(lab.node, 'nft');
    const first = await begin('nftables');
    await expect.poll(isServed, bound).toBe(true);
    await first.end('SIGKILL');
    const second = await begin('iptables');
    await expect.poll(rules, bound).toContain('a/web:p cluster IP');
    await second.end('SIGKILL');
    expect(await second.cleanup()).toBe(0);
    expect(await tables()).not.toContain('nodectl-proxy');
    const plain = (text: string) => text.replace(/^\*(mangle|filter)\n(:.*\n)*COMMIT\n/gm, '');
    expect(plain(await saved(lab.node, 'nft'))).toContain(
      plain(before).slice(0, plain(before).indexOf('COMMIT')),
    );
    expect(await rules()).not.toContain('KUBE-');
    expect(await second.cleanup()).toBe(0);
  });
});
