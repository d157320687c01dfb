import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {copyFileSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join as path} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Child, RunResult} from '../../../src/edges/process/exec.ts';
import {debianPackage} from '../support/debian.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';
import {until} from '../support/wait.ts';

/** Runtimes that do not come from packages, and those that were there before. */
let lan: Lan | undefined;
let worker: Machine;
let control: Machine;
let server: Child | undefined;
let before: Traces;
let words: readonly string[];

const anyExit = {okCodes: Array.from({length: 256}, (_, code) => code)};
const store = 'http://192.168.77.10:8080';

beforeAll(async () => {
  lan = await createLan();
  control = await lan.machine('control');
  worker = await lan.machine('worker');
  packReleases(control.path('/srv'), 'bookworm', '1.6.20');
  packReleases(control.path('/srv/newer'), 'forky', '2.1.0');
  before = await traces(worker);
  const busybox = path(debianPackage('trixie', 'busybox-static'), 'usr/bin/busybox');
  copyFileSync(busybox, control.path('/busybox'));
  server = control.start('/busybox', ['httpd', '-f', '-p', '8080', '-h', '/srv']);
  await control.nodectl(['sandbox', 'up']);
  const {stdout} = await control.nodectl(['sandbox', 'token']);
  const all = stdout.trim().split(/\s+/);
  words = all.slice(all.indexOf('join') + 1);
  await until('the archives are served', async () =>
    (await control.run('ss', ['-ltnH'])).stdout.includes(':8080'),
  );
}, 600_000);
afterAll(async () => {
  server?.kill('SIGKILL');
  await lan?.remove();
});

/** A suite's packages in the form of their projects' releases, with digests and one wrong one. */
function packReleases(dir: string, suite: string, version: string): void {
  mkdirSync(dir, {recursive: true});
  const tar = (name: string, from: string, ...members: string[]) =>
    execFileSync('tar', ['-czf', path(dir, name), '-C', from, ...members]);
  const containerd = path(debianPackage(suite, 'containerd'), 'usr');
  tar(`containerd-${version}-linux-amd64.tar.gz`, containerd, 'bin');
  const plugins = path(debianPackage('bookworm', 'containernetworking-plugins'), 'usr/lib/cni');
  tar('cni-plugins-linux-amd64-v1.1.1.tgz', plugins, '.');
  // Debian forky's runc wants a newer libc than these machines have.
  copyFileSync(path(debianPackage('bookworm', 'runc'), 'usr/sbin/runc'), path(dir, 'runc.amd64'));
  const names = [
    `containerd-${version}-linux-amd64.tar.gz`,
    'cni-plugins-linux-amd64-v1.1.1.tgz',
    'runc.amd64',
  ];
  const line = (name: string) =>
    `${createHash('sha256')
      .update(readFileSync(path(dir, name)))
      .digest('hex')}  ${name}\n`;
  const sums = names.map(line).join('');
  writeFileSync(path(dir, 'SHA256SUMS'), sums);
  writeFileSync(path(dir, 'WRONG'), sums.replace(/^[0-9a-f]{4}/, '0000'));
}

function join(...more: string[]): Promise<RunResult> {
  return worker.nodectl(['join', ...words, ...more], anyExit);
}

async function untouched(message: string): Promise<void> {
  await expect.poll(() => traces(worker), {timeout: 10_000, message}).toEqual(before);
}

async function reset(message: string): Promise<void> {
  const {stdout} = await worker.nodectl(['reset']);
  expect(stdout, message).toContain('everything is as it was before');
  await untouched(message);
}

/** The digests travel with the join, as an administrator would copy them. */
function digests(name: 'SHA256SUMS' | 'WRONG'): string {
  copyFileSync(control.path(`/srv/${name}`), worker.path(`/tmp/${name}`));
  return `/tmp/${name}`;
}

describe('archives', {timeout: 600_000}, () => {
  it('that are not what they should be are not unpacked, and absent ones are named', async () => {
    const wrong = await join('--runtime-archives', store, '--runtime-digests', digests('WRONG'));
    expect(`${wrong.exitCode} ${wrong.stderr}`).toMatch(/^4 [\s\S]*error ND522/);
    const found = await worker.run('ls', ['/usr/local/bin'], anyExit);
    expect(found.stdout).not.toContain('containerd');
    const right = digests('SHA256SUMS');
    const absent = await join('--runtime-archives', `${store}/nowhere`, '--runtime-digests', right);
    expect(`${absent.exitCode} ${absent.stderr}`).toMatch(/^5 [\s\S]*error ND523[\s\S]*nowhere/);
    await reset('after archives that could not be used');
  });

  it('from a server make a Ready node, and are taken away again', async () => {
    const result = await join('--runtime-archives', store, '--runtime-digests', digests('SHA256SUMS'));
    expect(`${result.exitCode} ${result.stderr}`).toMatch(/^0 /);
    expect(result.stderr).toContain('prove that pods get their cgroups');
    const {stdout} = await worker.run('pgrep', ['-ax', 'containerd']);
    expect(stdout).toContain('/usr/local/bin/containerd');
    const again = await join('--runtime-archives', store, '--runtime-digests', digests('SHA256SUMS'));
    expect(again.stdout).toContain('Nothing to change');
    await reset('after archives');
  });
});

it('joins from an airgap bundle, with its images and containerd 2', async () => {
  const project = path(import.meta.dirname, '../../..');
  copyFileSync(path(project, 'dist/images/hello.tar'), control.path('/srv/extra.tar'));
  const made = await control.nodectl([
    ...['bundle', 'airgap', '--file', '/srv/bundle.tar'],
    ...['--runtime-archives', '/srv/newer', '--runtime-digests', '/srv/newer/SHA256SUMS'],
    ...['--image', 'nodectl.local/pause:1', '--image-archive', '/srv/extra.tar'],
  ]);
  expect(made.stdout).toContain('bundle.tar');
  copyFileSync(control.path('/srv/bundle.tar'), worker.path('/tmp/bundle.tar'));
  // Without what apt has in its cache, as on a machine that never had a network.
  await worker.run('mv', ['/var/cache/apt/archives', '/tmp/archives']);
  const lacking = await join('--airgap', '/tmp/bundle.tar');
  await worker.run('mv', ['/tmp/archives', '/var/cache/apt/archives']);
  expect(`${lacking.exitCode} ${lacking.stderr}`).toMatch(/^6 [\s\S]*error ND503/);
  for (const name of ['conntrack', 'iptables', 'nftables'])
    expect(lacking.stderr).toMatch(new RegExp(`lacks .*${name}[\\s\\S]*apt-get download .*${name}`));
  await untouched('after a refusal for packages');
  const result = await join('--airgap', '/tmp/bundle.tar');
  expect(`${result.exitCode} ${result.stderr}`).toMatch(/^0 /);
  expect(result.stderr).toMatch(
    /import images of images\/extra\.tar[\s\S]*import images of images\/exported\.tar/,
  );
  expect((await worker.run('cat', ['/etc/containerd/config.toml'])).stdout).toContain('version = 3');
  await worker.run('rm', ['/tmp/bundle.tar']);
  await reset('after an airgap join');
});

it('installs nothing with --runtime-source present, and names what is missing', async () => {
  const result = await join('--runtime-source', 'present');
  expect(`${result.exitCode} ${result.stderr}`).toMatch(/^6 [\s\S]*error ND524[\s\S]*containerd, runc/);
  await reset('after nothing was present');
});

it('pain 2: keeps an administrator’s containerd configuration, with CRI enabled in it', async () => {
  const config = [
    'version = 2',
    'disabled_plugins = ["cri"]',
    '[plugins."io.containerd.grpc.v1.cri"]',
    '  sandbox_image = "nodectl.local/pause:1"',
    '  max_container_log_line_size = 4711',
    '',
  ].join('\n');
  await worker.run('mkdir', ['-p', '/etc/containerd']);
  writeFileSync(worker.path('/etc/containerd/config.toml'), config);
  const result = await join();
  expect(`${result.exitCode} ${result.stderr}`).toMatch(/^0 /);
  const ours = readFileSync(worker.path('/etc/containerd/config.toml'), 'utf8');
  expect(ours).toContain('max_container_log_line_size = 4711');
  expect(ours).toContain('disabled_plugins = []');
  const {stdout} = await worker.nodectl(['reset']);
  expect(stdout).toContain('everything is as it was before');
  expect(readFileSync(worker.path('/etc/containerd/config.toml'), 'utf8')).toBe(config);
  await worker.run('rm', ['-r', '/etc/containerd']);
  await untouched('after an administrator’s configuration');
});
