import {execFileSync} from 'node:child_process';
import {appendFileSync, copyFileSync, mkdtempSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {mirror} from '../support/debian.ts';

const binary = resolve(import.meta.dirname, '../../../dist/nodectl');

describe('the single binary', () => {
  const chroot = mkdtempSync(join(tmpdir(), 'nodectl-minbase-'));

  beforeAll(() => {
    execFileSync(
      'mmdebstrap',
      ['--variant=minbase', '--mode=root', '--quiet', 'bookworm', chroot, mirror()],
      {stdio: 'inherit'},
    );
    copyFileSync(binary, join(chroot, 'nodectl'));
  });
  afterAll(() => rmSync(chroot, {recursive: true, force: true, maxRetries: 3}));

  const inside = (...args: string[]) =>
    execFileSync('/usr/sbin/chroot', [chroot, '/nodectl', ...args], {
      encoding: 'utf8',
      env: {PATH: '/usr/bin:/bin', NODE_OPTIONS: '--require=/nonexistent'},
    });

  it('starts on a minimal host, where NODE_OPTIONS cannot reach into it', () => {
    expect(inside('--help')).toContain('COMMANDS');
  });

  it('starts every command', () => {
    const ids = [...inside('--help').matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map((m) => m[1] ?? '');
    expect(ids).toContain('explain');
    for (const id of ids) expect(inside(id, '--help'), id).toContain('USAGE');
  });

  it('works with something behind it, as who signs binaries puts there', () => {
    copyFileSync(binary, join(chroot, 'signed'));
    appendFileSync(join(chroot, 'signed'), 'a signature');
    expect(execFileSync(join(chroot, 'signed'), ['explain', 'ND501'], {encoding: 'utf8'})).toContain('ND501');
  });

  it('keeps its size budget of 118 MB', () => expect(statSync(binary).size).toBeLessThan(118_000_000));
});
