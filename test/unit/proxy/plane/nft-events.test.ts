import {describe, expect, it} from 'vitest';
import {NftEvents} from '../../../../src/edges/nftables/nft-events.ts';
import {Suspects} from '../../../../src/proxy/plane/suspects.ts';

const end = 'NEWGEN: GENID=4 PID=29303 NAME=nft';
const ended = {pid: 29_303, program: 'nft', isMarked: false};

function heard(...lines: string[]) {
  const events = new NftEvents('ours', 'nodectl-0123');
  return lines.map((line) => events.line(line)).filter((transaction) => transaction !== undefined);
}

describe("what xtables-monitor tells of others' transactions", () => {
  it.each([
    ['a table', ' EVENT: nft: NEW table: table theirs ip flags 0 use 2 handle 2'],
    ['a chain', ' EVENT: # nft: ip theirs c use 1 type filter hook input prio 0 policy accept'],
    ['a rule', ' EVENT: -4 -t theirs -A c -j ACCEPT'],
    ['a rule that iptables has no words for', ' EVENT: '],
    [
      'a table whose name begins like ours',
      ' EVENT: nft: DEL table: table ours-too ip flags 0 use 0 handle 2',
    ],
  ])('%s of somebody else is elsewhere', (_what, line) => {
    expect(heard(line, end)).toEqual([{...ended, isElsewhere: true}]);
  });

  it.each([
    ['our table', ' EVENT: nft: DEL table: table ours ip flags 0 use 0 handle 2'],
    ['our chain', ' EVENT: # nft: ip ours c use 1'],
    ['our rule', ' EVENT: -6 -t ours -D c -j ACCEPT'],
  ])('%s among others is not', (_what, line) => {
    expect(heard(' EVENT: -4 -t theirs -A c', line, ' EVENT: ', end)).toEqual([
      {...ended, isElsewhere: false},
    ]);
  });

  it('elements are not told of, and may be ours', () => {
    expect(heard(end)).toEqual([{...ended, isElsewhere: false}]);
  });

  it('our own name the mark, whatever else they do', () => {
    const mark = ' EVENT: nft: NEW table: table nodectl-0123 ip flags 0 use 0 handle 2';
    expect(heard(mark, ' EVENT: # nft: ip ours c use 1', end, ' EVENT: # nft: ip ours c use 1', end)).toEqual(
      [
        {...ended, isElsewhere: false, isMarked: true},
        {...ended, isElsewhere: false},
      ],
    );
  });

  it('each transaction is told for itself', () => {
    expect(heard(' EVENT: -4 -t theirs -A c', end, end).map(({isElsewhere}) => isElsewhere)).toEqual([
      true,
      false,
    ]);
  });
});

describe('a table that somebody else may have changed', () => {
  it('is listed until a listing that began later was conclusive', () => {
    const suspects = new Suspects<string>();
    expect(suspects.has('v4', Number.NEGATIVE_INFINITY)).toBe(false);
    suspects.heard('v4', 100);
    suspects.seen('v4', 99);
    expect(suspects.has('v4', 0)).toBe(true);
    suspects.seen('v4', 100);
    expect(suspects.has('v4', 0)).toBe(false);
  });

  it('needs none when we have begun to write all of it since', () => {
    const suspects = new Suspects<string>();
    suspects.heard('v4', 100);
    expect(suspects.has('v4', 101)).toBe(false);
    suspects.heard('v4', 102);
    expect(suspects.has('v4', 101)).toBe(true);
  });

  it('is looked at once more after a repair', () => {
    const suspects = new Suspects<string>();
    suspects.verify('v4');
    expect(suspects.has('v4', 1_000)).toBe(true);
    suspects.seen('v4', 1_001);
    expect(suspects.has('v4', 0)).toBe(false);
  });
});
