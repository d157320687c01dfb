import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {dnf} from '../../../src/edges/install/dnf.ts';

/** dnf and rpm as programs of this test's own: what they are asked, and what is made of their answers. */
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nodectl-dnf-'));
  vi.stubEnv('PATH', `${dir}:${process.env.PATH ?? ''}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, {recursive: true});
});

function program(name: 'dnf' | 'rpm', output: string, exitCode = 0, errors = ''): void {
  writeFileSync(join(dir, `${name}.out`), output);
  writeFileSync(join(dir, `${name}.err`), errors);
  const lines = [
    '#!/bin/sh',
    `printf '%s|' ${name} "$LC_ALL" "$@" >>${dir}/asked; echo >>${dir}/asked`,
    `cat ${dir}/${name}.out; cat ${dir}/${name}.err >&2; exit ${exitCode}`,
  ];
  writeFileSync(join(dir, name), `${lines.join('\n')}\n`, {mode: 0o755});
}

/** Program, language and words of each call. */
function asked(): string[] {
  return readFileSync(join(dir, 'asked'), 'utf8').trimEnd().split('\n');
}

it('asks what an installation would bring, and answers no', async () => {
  program('dnf', 'Installing:\n runc x86_64 1 r 1 k\nInstalling dependencies:\n libx x86_64 1 r 1 k\n', 1);
  expect(await dnf.simulate(['runc'])).toEqual(['runc', 'libx']);
  expect(asked()).toEqual(['dnf|C|--assumeno|--setopt=install_weak_deps=False|install|runc|']);
});

it('has nothing to bring where all is there', async () => {
  program('dnf', 'Package runc is already installed.\nNothing to do.\n');
  expect(await dnf.simulate(['runc'])).toEqual([]);
});

it('says what no repository has, and what to do without', async () => {
  program('dnf', '', 1, 'Error: Unable to find a match: containerd\n');
  await expect(dnf.simulate(['containerd', 'nftables'])).rejects.toMatchObject({
    code: 'ND503',
    message: expect.stringContaining('Unable to find a match: containerd'),
    next: [expect.stringContaining('--runtime-source archive')],
  });
});

it('installs without asking and without weak dependencies', async () => {
  program('dnf', '');
  await dnf.install(['conntrack-tools', 'iptables-nft']);
  expect(asked()).toEqual([
    'dnf|C|-y|-q|--setopt=install_weak_deps=False|install|conntrack-tools|iptables-nft|',
  ]);
});

it.each([
  ['in its cache', 0, []],
  ['not', 1, ['runc']],
])('needs no network for what is %s', async (_, exitCode, expected) => {
  program('dnf', '', exitCode);
  expect(await dnf.toFetch(['runc'])).toEqual(expected);
  expect(asked()).toEqual([
    'dnf|C|-y|-q|--cacheonly|--downloadonly|--setopt=install_weak_deps=False|install|runc|',
  ]);
});

it('takes away those that are there, and nothing that others have put on top', async () => {
  program('rpm', 'runc\npackage containerd is not installed\n', 1);
  await expect(dnf.remove(['runc', 'containerd'])).rejects.toMatchObject({code: 'ND903'});
  expect(asked().at(-1)).toMatch(/^rpm\|[^|]*\|--erase\|runc\|$/);
  program('rpm', 'package runc is not installed\n', 1);
  await dnf.remove(['runc']);
  expect(asked().filter((line) => line.includes('--erase'))).toHaveLength(1);
});

it('tells a package’s version, and its own digest of a configuration file', async () => {
  program('dnf', '1.7.27\n');
  expect(await dnf.candidate('containerd')).toBe('1.7.27');
  program('dnf', '');
  expect(await dnf.candidate('containerd')).toBeUndefined();
  program('rpm', '/etc/containerd 0\n/etc/containerd/config.toml abc\n');
  expect(await dnf.shippedDigest('/etc/containerd/config.toml')).toBe('abc');
  program('rpm', 'file /etc/x is not owned by any package\n', 1);
  expect(await dnf.shippedDigest('/etc/x')).toBeUndefined();
});
