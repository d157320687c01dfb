import {existsSync} from 'node:fs';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {node, service, slice} from '../../unit/proxy/support/objects.ts';
import {world} from '../../unit/proxy/support/vectors.ts';
import {Lab} from './support/lab.ts';
import {RunningProxy, StubApi} from './support/running.ts';

const vip = world.vip1?.IPv4 ?? '';
const [ep1, ep2] = [world.ep1?.IPv4 ?? '', world.ep2?.IPv4 ?? ''];
const bound = {timeout: 60_000, interval: 20};

let lab: Lab;
let api: StubApi;
let proxy: RunningProxy;

beforeEach(async () => {
  lab = await Lab.create();
  api = await StubApi.start(lab.node);
  await api.put('nodes', node('here', [world.node?.IPv4 ?? '', world.node?.IPv6 ?? '']));
  proxy = await RunningProxy.start({netns: lab.node, apiPort: api.port});
});

afterEach(async ({task}) => {
  if (task.result?.state === 'fail') console.log(proxy?.log.slice(-4000));
  await proxy?.stop();
  await api?.stop();
  await lab?.remove();
});

const ports = (protocol = 'TCP') => [{name: 'p', protocol, port: 80, nodePort: 30_080}];
const targets = (protocol = 'TCP') => [{name: 'p', protocol, port: 8080}];
const web = (spec: object = {}) =>
  service('a/web', {type: 'NodePort', clusterIP: vip, ports: ports(), ...spec});
const endpoints = (ips: readonly string[], protocol = 'TCP') =>
  slice({service: 'a/web', ports: targets(protocol), endpoints: ips.map((ip) => ({ip, node: 'here'}))});

async function ask(from: string, count = 1, host = vip, port = 80, protocol: 'TCP' | 'UDP' = 'TCP') {
  const answers = await lab.peer(from).flow({protocol, host, port, count, timeoutMs: 1_500});
  return answers.map((answer) => answer.failed ?? answer.text?.split(' ')[0]);
}

async function serveWeb(spec: object = {}): Promise<void> {
  await api.put('services', web(spec));
  await api.put('endpointslices', endpoints([ep1, ep2]));
  await expect.poll(isServed, bound).toBe(true);
}

async function isServed(): Promise<boolean> {
  const answers = await ask('pod', 2);
  return answers.every((answer) => answer === ep1 || answer === ep2);
}

async function tables(): Promise<string> {
  return (await lab.node.run('nft', ['list', 'tables'])).stdout;
}

describe('a running proxy', () => {
  it('follows Services and EndpointSlices into the kernel', async () => {
    await serveWeb();
    await expect.poll(async () => [...new Set(await ask('pod', 24))].sort(), bound).toEqual([ep1, ep2]);
    expect(await ask('outside', 1, world.node?.IPv4, 30_080)).not.toContain('timeout');
    await api.put('endpointslices', endpoints([ep2]));
    await expect.poll(async () => [...new Set(await ask('pod', 24))], bound).toEqual([ep2]);
    await api.delete('endpointslices', endpoints([]));
    await expect.poll(() => ask('pod'), bound).toEqual(['ECONNREFUSED']);
    // The slice of a Service that no pod matches, as an API server writes it.
    await api.put('endpointslices', {...endpoints([]), endpoints: null, ports: null});
    await api.put('endpointslices', endpoints([ep1]));
    await expect.poll(() => ask('pod'), bound).toEqual([ep1]);
  });

  it('tells its health, its mode and its figures', async () => {
    await serveWeb();
    const health = (await proxy.get('/healthz')).stdout;
    expect(health).toMatch(/^200 \{"lastUpdated":".*"nodeEligible":true,"healthy":true,"status":\{"IPv4":/);
    expect((await proxy.get('/livez')).stdout).toMatch(/^200 /);
    expect((await proxy.get('/proxyMode', 10_249)).stdout).toBe('200 nftables');
    expect((await proxy.get('/metrics', 10_249)).stdout).toContain(
      'kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"}',
    );
    expect((await proxy.get('/configz', 10_249)).stdout).toContain('"syncPeriod":"30s"');
    const tainted = node('here', [world.node?.IPv4 ?? '']);
    tainted.spec = {taints: [{key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule'}]};
    await api.put('nodes', tainted);
    await expect.poll(async () => (await proxy.get('/healthz')).stdout.slice(0, 3), bound).toBe('503');
    expect((await proxy.get('/livez')).stdout).toMatch(/^200 /);
  });

  it('keeps clients where they were with session affinity, and lets go when it is off', async () => {
    await serveWeb({sessionAffinity: 'ClientIP', sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}});
    await expect.poll(async () => new Set(await ask('pod', 12)).size, bound).toBe(1);
    const [mine = ''] = await ask('pod');
    expect(new Set(await ask('pod', 12, world.node?.IPv4, 30_080))).toEqual(new Set([mine]));
    await api.put(
      'services',
      web({sessionAffinity: 'ClientIP', sessionAffinityConfig: {clientIP: {timeoutSeconds: 90}}}),
    );
    expect(new Set(await ask('pod', 12))).toEqual(new Set([mine]));
    await api.put('endpointslices', endpoints([mine === ep1 ? ep2 : ep1]));
    await expect
      .poll(async () => new Set(await ask('pod', 12)), bound)
      .toEqual(new Set([mine === ep1 ? ep2 : ep1]));
    await api.put('endpointslices', endpoints([ep1, ep2]));
    await api.put('services', web());
    await expect.poll(async () => new Set(await ask('pod', 24)).size, bound).toBe(2);
  });

  it('lets a client go that has not come back in time, and not before', async () => {
    await serveWeb({sessionAffinity: 'ClientIP', sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}});
    const isKnown = async () =>
      (await lab.node.run('nft', ['list', 'table', 'ip', 'nodectl-proxy'])).stdout.includes(' expires ');
    await expect.poll(isServed, bound).toBe(true);
    const seen = new Set<string | undefined>();
    // That chance takes the same one of two each time is one in a million.
    for (let i = 0; i < 20 && seen.size < 2; i++) {
      const answers = new Set(await ask('pod', 4));
      expect(answers.size).toBe(1);
      for (const answer of answers) seen.add(answer);
      await expect.poll(isKnown, bound).toBe(false);
    }
    expect(seen).toEqual(new Set([ep1, ep2]));
  });

  it('ends UDP flows to endpoints that are gone, to zero as well', async () => {
    await api.put('services', web({ports: ports('UDP')}));
    await api.put('endpointslices', endpoints([ep1], 'UDP'));
    await expect.poll(() => ask('pod', 1, vip, 80, 'UDP'), bound).toEqual([ep1]);
    const flows = async () =>
      (await lab.node.run('conntrack', ['-L', '-p', 'udp', '--orig-dst', vip])).stdout;
    expect(await flows()).toContain(`src=${ep1}`);
    await api.put('endpointslices', endpoints([], 'UDP'));
    await expect.poll(flows, bound).toBe('');
  });

  it('loses no connection while endpoints come and go', async () => {
    await serveWeb();
    let stop = false;
    const changes = (async () => {
      for (let i = 0; i < 300 && !stop; i++) {
        await api.put('endpointslices', endpoints(i % 2 === 0 ? [ep1] : [ep1, ep2]));
        await api.put(
          'services',
          service(`b/other-${i % 7}`, {clusterIP: `10.97.1.${i % 200}`, ports: ports()}),
        );
      }
    })();
    const answers = await ask('pod', 600);
    stop = true;
    await changes;
    expect(answers.filter((answer) => answer !== ep1 && answer !== ep2)).toEqual([]);
  });
});

describe('a proxy in trouble', () => {
  it('writes its tables again when somebody flushes the ruleset', async () => {
    await serveWeb();
    await lab.node.run('nft', ['flush', 'ruleset']);
    await expect.poll(tables, {timeout: 20_000, interval: 20}).toContain('ip nodectl-proxy');
    await expect.poll(isServed, bound).toBe(true);
  });

  it('goes on when its nft child is killed', async () => {
    await serveWeb();
    await proxy.killChildren();
    await api.put('endpointslices', endpoints([ep2]));
    await expect.poll(async () => [...new Set(await ask('pod', 12))], bound).toEqual([ep2]);
  });

  it('leaves rules serving when it ends, and takes them over without a gap', async () => {
    await serveWeb();
    expect(await proxy.end('SIGTERM')).toBe(0);
    expect(await ask('pod', 4)).not.toContain('timeout');
    let over = false;
    const restarted = (async () => {
      proxy.restart();
      await api.put('endpointslices', endpoints([ep2]));
      await expect.poll(async () => (await proxy.get('/healthz')).stdout.slice(0, 3), bound).toBe('200');
      over = true;
    })();
    const answers: (string | undefined)[] = [];
    while (!over) answers.push(...(await ask('pod', 8)));
    await restarted;
    expect(answers.filter((answer) => answer !== ep1 && answer !== ep2)).toEqual([]);
    await expect.poll(async () => [...new Set(await ask('pod', 12))], bound).toEqual([ep2]);
  });

  it('keeps a connection that was made before, through its end, its start and a table written anew', async () => {
    await lab.peer('ep1').echo(ep1, 9090);
    await api.put('services', web());
    await api.put(
      'endpointslices',
      slice({service: 'a/web', ports: [{name: 'p', port: 9090}], endpoints: [{ip: ep1}]}),
    );
    const long = {name: 'long', host: vip, port: 80};
    await expect.poll(() => lab.peer('pod').say({...long, name: crypto.randomUUID()}), bound).toBe(ep1);
    expect(await lab.peer('pod').say(long)).toBe(ep1);
    await proxy.end('SIGTERM');
    expect(await lab.peer('pod').say(long)).toBe(ep1);
    proxy.restart();
    // New connections go elsewhere: the new proxy's rules are in force.
    await api.put('endpointslices', endpoints([ep2]));
    await expect.poll(async () => [...new Set(await ask('pod', 4))], bound).toEqual([ep2]);
    expect(await lab.peer('pod').say(long)).toBe(ep1);
    await lab.node.run('nft', ['flush', 'ruleset']);
    await expect.poll(isServed, bound).toBe(true);
    expect(await lab.peer('pod').say(long)).toBe(ep1);
  });

  it('ends at once while it looks for rules that another mode has left', async () => {
    const programs = await mkdtemp(join(tmpdir(), 'nodectl-slow-'));
    try {
      const began = join(programs, 'began');
      for (const name of ['iptables-nft-save', 'ip6tables-nft-save'])
        await writeFile(join(programs, name), `#!/bin/sh\n: >${began}\nexec sleep 600\n`, {mode: 0o755});
      await proxy.stop();
      const env = {PATH: `${programs}:${process.env.PATH}`};
      proxy = await RunningProxy.start({netns: lab.node, apiPort: api.port, env});
      await expect.poll(() => existsSync(began), bound).toBe(true);
      // Killed, after five seconds, it would have no exit code.
      expect(await proxy.end('SIGTERM')).toBe(0);
    } finally {
      await rm(programs, {recursive: true, force: true});
    }
  });

  it('ends also while nft and the API server no longer answer, and its rules serve', async () => {
    await serveWeb();
    const programs = await proxy.children();
    try {
      for (const pid of programs) process.kill(pid, 'SIGSTOP');
      await api.put('endpointslices', endpoints([ep2]));
      await expect
        .poll(async () => (await proxy.get('/committed', 10_249)).stdout, bound)
        .toContain(':false');
      api.freeze();
      // Killed, after five seconds, it would have no exit code.
      expect(await proxy.end('SIGTERM')).toBe(0);
      expect(await ask('pod', 4)).not.toContain('timeout');
    } finally {
      for (const pid of programs) if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
    }
  });

  it('follows again after the API server was gone', async () => {
    await serveWeb();
    await api.drop();
    await api.put('endpointslices', endpoints([ep1]));
    await expect.poll(async () => [...new Set(await ask('pod', 12))], {timeout: 30_000}).toEqual([ep1]);
  });

  it('ends when its configuration is written anew, for other content only; its rules serve', async () => {
    await serveWeb();
    await proxy.rewrite([]);
    expect((await proxy.get('/metrics/slis', 10_249)).stdout).toMatch(/^200/);
    await proxy.rewrite(['oomScoreAdj: 0']);
    expect(await proxy.ended()).not.toBe(0);
    expect(proxy.log).toContain('was written anew');
    expect(await ask('pod', 4)).not.toContain('timeout');
  });

  it('leaves no program of its own behind when it is killed', async () => {
    await serveWeb();
    const programs = await proxy.children();
    expect(programs.length).toBeGreaterThan(0);
    await proxy.end('SIGKILL');
    await expect.poll(() => programs.filter((pid) => existsSync(`/proc/${pid}`)), bound).toEqual([]);
  });

  it('cleans up what is its own', async () => {
    const foreign = 'table ip mine { chain c { type filter hook input priority 5; tcp dport 99 drop; }; }';
    await lab.node.run('nft', [foreign]);
    const before = (await lab.node.run('nft', ['-a', 'list', 'table', 'ip', 'mine'])).stdout;
    await serveWeb();
    await proxy.end('SIGKILL');
    expect(await proxy.cleanup()).toBe(0);
    expect(await tables()).toBe('table ip mine');
    expect((await lab.node.run('nft', ['-a', 'list', 'table', 'ip', 'mine'])).stdout).toBe(before);
    expect(await proxy.cleanup()).toBe(0);
  });
});
