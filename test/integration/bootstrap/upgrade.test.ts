import {createHash} from 'node:crypto';
import {chmodSync, copyFileSync, readFileSync, writeFileSync} from 'node:fs';
import {afterAll, beforeAll, expect, it} from 'vitest';
import type {RunResult} from '../../../src/edges/process/exec.ts';
import {binary, createLan, type Lan, type Machine} from '../support/machine.ts';

/** Another nodectl on a node that works, and one that does not. */
let lan: Lan | undefined;
let machine: Machine;

const anyExit = {okCodes: Array.from({length: 256}, (_, code) => code)};
const installed = '/usr/local/bin/nodectl';

beforeAll(async () => {
  lan = await createLan();
  machine = await lan.machine('upgrade');
  await machine.nodectl(['sandbox', 'up']);
}, 600_000);
afterAll(() => lan?.remove());

/** A file in the machine, with its digest beside it. */
function release(name: string, content: Uint8Array): string {
  const path = `/data/${name}`;
  writeFileSync(machine.path(path), content);
  chmodSync(machine.path(path), 0o755);
  const digest = createHash('sha256').update(content).digest('hex');
  writeFileSync(machine.path(`${path}.sha256`), `${digest}  ${name}\n`);
  return path;
}

function upgrade(...args: string[]): Promise<RunResult> {
  return machine.nodectl(['upgrade', ...args], anyExit);
}

async function tasks(): Promise<string> {
  return (await machine.run('ctr', ['-n', 'k8s.io', 'tasks', 'list', '-q'])).stdout
    .split('\n')
    .sort()
    .join(' ');
}

async function pidOf(name: string): Promise<string> {
  return (await machine.run('pgrep', ['-x', name], anyExit)).stdout.trim();
}

it('takes no binary without a digest, with another digest, or that does not run', async () => {
  copyFileSync(binary, machine.path('/data/bare'));
  expect((await upgrade('/data/bare')).stderr).toContain('error ND909');
  const wrong = await upgrade('/data/bare', '--sha256', '0'.repeat(64));
  expect(`${wrong.exitCode} ${wrong.stderr}`).toMatch(/^4 [\s\S]*ND522/);
  const broken = release('broken', Buffer.from('no program'));
  expect((await upgrade(broken)).stderr).toContain('error ND910');
  expect((await machine.run('cmp', ['/nodectl', installed], anyExit)).exitCode).toBe(0);
});

it('starts the daemons from the new binary and touches no container', async () => {
  const [before, kubelet, containerd] = [await tasks(), await pidOf('kubelet'), await pidOf('containerd')];
  const next = release('next', Buffer.concat([readFileSync(binary), Buffer.from('\n')]));
  const result = await upgrade(next);
  expect(`${result.exitCode} ${result.stderr}`).toMatch(/^0 /);
  expect((await machine.run('cmp', [next, installed], anyExit)).exitCode).toBe(0);
  expect(await pidOf('kubelet')).not.toBe(kubelet);
  expect(await pidOf('containerd')).toBe(containerd);
  expect(await tasks()).toBe(before);
  expect((await upgrade(next)).stdout).toContain('Nothing to change');
});

it('goes back by itself when the node is not well with it', async () => {
  const before = await tasks();
  const bad = release(
    'bad',
    Buffer.from('#!/bin/sh\n[ "$1" = --version ] && echo nodectl/9.9.9 && exit 0\nexit 1\n'),
  );
  const result = await upgrade(bad);
  expect(`${result.exitCode} ${result.stderr}`).toMatch(/^7 [\s\S]*ND911[\s\S]*the previous one runs again/);
  expect((await machine.run('cmp', ['/data/next', installed], anyExit)).exitCode).toBe(0);
  expect(await tasks()).toBe(before);
});

it('says at once that a daemon ends after its restart, with its words', async () => {
  const config = machine.path('/var/lib/kubelet/config.yaml');
  const good = readFileSync(config, 'utf8');
  writeFileSync(config, `${good}maxPods: nonsense\n`);
  const started = performance.now();
  const broken = await machine.nodectl(['restart', 'kubelet'], anyExit);
  expect(`${broken.exitCode} ${broken.stderr}`).toMatch(/^7 [\s\S]*ND703[\s\S]*exit \d+[\s\S]*maxPods/);
  // Its stop alone may take 30 seconds: this is not a wait for any limit.
  expect(performance.now() - started).toBeLessThan(30_000);
  writeFileSync(config, good);
  const {stdout} = await machine.nodectl(['restart', 'kubelet']);
  expect(stdout).toMatch(/^nodectl-kubelet was started; /);
});
