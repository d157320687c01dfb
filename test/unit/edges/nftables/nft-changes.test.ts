import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {watchNftChanges} from '../../../../src/edges/nftables/nft-changes.ts';
import {HandClock} from './hand-clock.ts';

const mark = 'nodectl-0123';
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nodectl-monitor-'));
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

/** In the place of the monitor: ends at once so many times, then tells of a transaction that names the mark, and stays. */
function failing(times: number): string[] {
  const script = join(directory, 'monitor');
  const told = ` EVENT: nft: NEW table: table ${mark} ip flags 0 use 0 handle 2\\nNEWGEN: GENID=4 PID=7 NAME=nft\\n`;
  const lines = [
    `echo >>${script}.runs`,
    `test $(wc -l <${script}.runs) -gt ${times} || exit 1`,
    `printf '${told}'`,
    'exec sleep 600',
  ];
  writeFileSync(script, lines.join('\n'));
  return ['sh', script];
}

describe("what hears of others' changes", () => {
  it.each([1, 6])('hears at last where its program could not begin %i times', async (times) => {
    const clock = new HandClock();
    let heard = 0;
    const changes = watchNftChanges({
      clock,
      table: 'ours',
      mark,
      onForeign: () => undefined,
      onHears: () => heard++,
      poke: () => Promise.resolve(),
      command: failing(times),
    });
    try {
      const later = () => {
        clock.pass(1_000);
        return [changes.hears, heard];
      };
      await expect.poll(later, {timeout: 20_000, interval: 5}).toEqual([true, 1]);
    } finally {
      changes.stop();
    }
  });

  it('makes no transaction to be heard while the one before is not done', async () => {
    const clock = new HandClock();
    let pokes = 0;
    const done = Promise.withResolvers<void>();
    const changes = watchNftChanges({
      clock,
      table: 'ours',
      mark,
      onForeign: () => undefined,
      poke: () => {
        pokes++;
        return done.promise;
      },
      command: ['sh', '-c', 'exec sleep 600'],
    });
    for (let i = 0; i < 50; i++) clock.pass(1_000);
    expect(pokes).toBe(1);
    changes.stop();
    done.resolve();
  });
});
