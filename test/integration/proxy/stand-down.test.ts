import {copyFile, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {type Child, start} from '../../../src/edges/process/exec.ts';
import {service, slice} from '../../unit/proxy/support/objects.ts';
import {createNetns, type Netns} from '../support/netns.ts';
import {RunningProxy, StubApi} from './support/running.ts';

const bound = {timeout: 60_000, interval: 50};

let netns: Netns;
let directory: string;
let api: StubApi;
let proxy: RunningProxy;
let other: Child | undefined;

beforeEach(async () => {
  netns = await createNetns('nds');
  directory = await mkdtemp(join(tmpdir(), 'nodectl-rival-'));
  api = await StubApi.start(netns);
  await api.put('services', service('a/web', {clusterIP: '10.97.0.10', ports: [{name: 'p', port: 80}]}));
  await api.put('endpointslices', endpoints('10.64.1.1'));
});

afterEach(async ({task}) => {
  if (task.result?.state === 'fail') console.log(proxy?.log.slice(-4000));
  await endOther();
  await proxy?.stop();
  await api?.stop();
  await netns?.remove();
  await rm(directory, {recursive: true, force: true});
});

function endpoints(ip: string): object {
  return slice({service: 'a/web', ports: [{name: 'p', port: 8080}], endpoints: [{ip}]});
}

/** A process that looks like another proxy from without; it ends with its input. */
async function startOther(name: string, args: readonly string[] = []): Promise<void> {
  const program = join(directory, name);
  await copyFile('/bin/sh', program);
  other = start('nsenter', [`--net=${netns.path}`, program, '-c', 'read _', ...args]);
}

async function endOther(): Promise<void> {
  other?.kill('SIGKILL');
  await other;
  other = undefined;
}

async function targets(): Promise<string[]> {
  const list = ['list', 'map', 'ip', 'nodectl-proxy', 'service-cluster-tcp'];
  const {stdout} = await netns.run('nft', list, {okCodes: [0, 1]});
  return [...stdout.matchAll(/: (\S+) \. 8080/g)].map(([, ip = '']) => ip);
}

async function health(): Promise<string> {
  return (await proxy.get('/livez')).stdout;
}

describe('a proxy that finds another one', () => {
  it('leaves Services to it once its rules are there, says so, and serves again when it has gone', async () => {
    proxy = await RunningProxy.start({netns, apiPort: api.port, env: {RIVAL_PERIOD_MS: '100'}});
    await expect.poll(targets, bound).toEqual(['10.64.1.1']);
    await startOther('kube-proxy');
    // Without rules of its own it serves nobody yet.
    await api.put('endpointslices', endpoints('10.64.1.2'));
    await expect.poll(targets, bound).toEqual(['10.64.1.2']);
    await netns.run('nft', ['add', 'table', 'ip', 'kube-proxy']);
    const tables = async () => (await netns.run('nft', ['list', 'tables'])).stdout.trim();
    await expect.poll(tables, bound).toBe('table ip kube-proxy');
    expect(await health()).toMatch(/^200 .*"code":"ND738","servedBy":"kube-proxy \(process \d+\)"/);
    expect((await proxy.get('/committed', 10_249)).stdout).toBe('200 {}');
    expect(proxy.log).toContain('another service proxy serves here: standing down');
    await api.put('endpointslices', endpoints('10.64.1.3'));
    await endOther();
    await expect.poll(targets, bound).toEqual(['10.64.1.3']);
    expect(await health()).not.toContain('servedBy');
    // What others have written is theirs.
    expect(await tables()).toContain('table ip kube-proxy');
  });

  it('knows Cilium by its configuration and kube-router by its link', async () => {
    proxy = await RunningProxy.start({netns, apiPort: api.port, env: {RIVAL_PERIOD_MS: '100'}});
    await expect.poll(targets, bound).toEqual(['10.64.1.1']);
    await startOther('cilium-agent', [`--config-dir=${directory}`]);
    await writeFile(join(directory, 'kube-proxy-replacement'), 'true');
    await expect.poll(health, bound).toMatch(/"servedBy":"cilium-agent \(process \d+\)"/);
    await endOther();
    await expect.poll(targets, bound).toEqual(['10.64.1.1']);
    await startOther('kube-router', ['--run-service-proxy=true']);
    await netns.run('ip', ['link', 'add', 'kube-dummy-if', 'type', 'bridge']);
    await expect.poll(health, bound).toMatch(/"servedBy":"kube-router \(process \d+\)"/);
    await expect.poll(targets, bound).toEqual([]);
  });

  it('does not take itself for a kube-proxy, whose name it bears and whose rules are still here', async () => {
    const program = join(directory, 'kube-proxy');
    await symlink(process.execPath, program);
    const script = join(import.meta.dirname, 'support/serve.ts');
    await netns.run('nft', ['add', 'table', 'ip', 'kube-proxy']);
    const env = {RIVAL_PERIOD_MS: '10', PROCESS_NAME: 'kube-proxy'};
    proxy = await RunningProxy.start({netns, apiPort: api.port, env, program: [program, script]});
    await expect.poll(targets, bound).toEqual(['10.64.1.1']);
    // One that would stand down has looked often enough when this one, which it would not leave alone, has.
    await startOther('kube-router');
    await netns.run('ip', ['link', 'add', 'kube-dummy-if', 'type', 'bridge']);
    await expect.poll(health, bound).toMatch(/"servedBy":"kube-/);
    expect(await health()).toContain('"servedBy":"kube-router');
    expect(proxy.log).not.toContain('"name":"kube-proxy"');
  });
});
