import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {openNft} from '../../../../src/edges/nftables/nft.ts';
import {HandClock} from './hand-clock.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nodectl-nft-'));
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

/** In the place of nft: complains of words as it does, reads no other file, and fails in so many first conversations. */
function shyNft(failures: number): readonly string[] {
  const script = join(directory, 'nft');
  const lines = [
    `echo "$1" >>${directory}/runs`,
    'test "$1" = -i || exit 0',
    `test $(grep -c i ${directory}/runs) -gt ${failures} || exit 1`,
    'while read -r line; do case $line in done-* | include*) printf "Error: no\\n%s\\n^^^^^^\\n" "$line" >&2;; esac; done',
  ];
  writeFileSync(script, lines.join('\n'));
  return ['sh', script];
}
const runs = () => readFileSync(join(directory, 'runs'), 'utf8').trim().split('\n');

describe('nft', () => {
  it('is talked to again later where it could not be once, and does each transaction meanwhile', async () => {
    const clock = new HandClock();
    const nft = openNft({clock, command: shyNft(1)});
    await nft.commit(['add table ip a']);
    await nft.commit(['add table ip b']);
    expect(runs()).toEqual(['-i', '-f', '-f']);
    clock.pass(10_000);
    await nft.commit(['add table ip c']);
    await nft.commit(['add table ip d']);
    expect(runs()).toEqual(['-i', '-f', '-f', '-i']);
    await nft.stop();
  });

  it('that cannot read a long transaction from a file while it is talked to does it by itself', async () => {
    const nft = openNft({clock: new HandClock(), command: shyNft(0)});
    await nft.commit(['add table ip a']);
    await nft.commit(Array.from({length: 3_000}, (_, i) => `add table ip t${i}`));
    expect(runs()).toEqual(['-i', '-f']);
    await nft.stop();
  });

  it('is another one after it was long, as it keeps its memory', async () => {
    const nft = openNft({clock: new HandClock(), command: shyNft(0)});
    await nft.commit(Array.from({length: 3_000}, (_, i) => `add table ip t${i}`));
    await nft.commit(['add table ip a']);
    await nft.commit(['add table ip b']);
    expect(runs()).toEqual(['-i', '-f', '-i']);
    await nft.stop();
  });

  it('that is ended before it can answer does not say that there is no table', async () => {
    const nft = openNft({clock: new HandClock(), command: ['sh', '-c', 'kill -KILL $$']});
    await expect(nft.hasMap('ip ours', 'services', '0.0.0.0 . tcp . 0')).rejects.toThrow('SIGKILL');
    await nft.stop();
  });
});
