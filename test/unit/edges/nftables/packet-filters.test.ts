import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {nftVersion} from '../../../../src/edges/nftables/packet-filters.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nodectl-programs-'));
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, {recursive: true, force: true});
});

/** An nft that is killed so many times before it answers. */
function nft(killed: number): void {
  const lines = [
    '#!/bin/sh',
    `echo >>${directory}/runs`,
    `test $(wc -l <${directory}/runs) -gt ${killed} || kill -KILL $$`,
    'echo "nftables v1.0.6 (Lester Gooch #5)"',
  ];
  writeFileSync(join(directory, 'nft'), `${lines.join('\n')}\n`, {mode: 0o755});
}

describe('which nft is installed', () => {
  it.each([0, 1])('is known though it was ended %i times before it could answer', async (killed) => {
    nft(killed);
    expect(await nftVersion()).toBe('1.0.6');
  });

  it('is none where it never answers', async () => {
    nft(1_000);
    expect(await nftVersion()).toBeUndefined();
    expect(readFileSync(join(directory, 'runs'), 'utf8').length).toBeLessThan(10);
  });
});
