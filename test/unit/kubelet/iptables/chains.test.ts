import {describe, expect, it} from 'vitest';
import type {Iptables} from '../../../../src/edges/nftables/iptables.ts';
import {missingChains, type SeenTables} from '../../../../src/kubelet/iptables/decide.ts';
import {startUtilChains} from '../../../../src/kubelet/iptables/keep.ts';
import {silent} from '../../../../src/lib/log.ts';
import type {Clock} from '../../../../src/lib/time.ts';

const hint = ':KUBE-IPTABLES-HINT - [0:0]';
const canary = ':KUBE-KUBELET-CANARY - [0:0]';
const firewall = ':KUBE-FIREWALL - [0:0]';
/** As iptables-save prints it. */
const savedDrop =
  '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP';
const jumps = ['-A INPUT -j KUBE-FIREWALL', '-A OUTPUT -j KUBE-FIREWALL'];
const drop = expect.stringMatching(
  /^-A KUBE-FIREWALL -d 127\.0\.0\.0\/8 ! -s 127\.0\.0\.0\/8 .* -j DROP$/,
) as unknown;

const tables = (mangle: readonly string[], filter: readonly string[]): Omit<SeenTables, 'family'> => ({
  mangle: ['*mangle', ...mangle, 'COMMIT'].join('\n'),
  filter: ['*filter', ':INPUT ACCEPT [3:4]', ...filter, 'COMMIT'].join('\n'),
});

const nothing = tables([], []);
const whole = tables([hint, canary], [canary, firewall, ...jumps, savedDrop]);

describe('the chains that a kubelet keeps for others', () => {
  it.each<[string, Omit<SeenTables, 'family'>, unknown[]]>([
    [
      'nothing is there',
      nothing,
      [
        ...['*mangle', hint, canary, 'COMMIT'],
        ...['*nat', canary, 'COMMIT'],
        ...['*filter', canary, firewall, drop, '-I OUTPUT -j KUBE-FIREWALL', '-I INPUT -j KUBE-FIREWALL'],
        'COMMIT',
      ],
    ],
    ['all is there', whole, []],
    [
      'somebody flushed the mangle table',
      {...whole, mangle: nothing.mangle},
      [
        ...['*mangle', hint, canary, 'COMMIT'],
        ...['*nat', canary, 'COMMIT'],
        ...['*filter', canary, 'COMMIT'],
      ],
    ],
    [
      'kube-proxy has its copy of the rule, and its jump from INPUT',
      tables(
        [hint, canary],
        [
          firewall,
          '-A INPUT -j KUBE-FIREWALL',
          '-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -j DROP',
        ],
      ),
      ['*filter', '-I OUTPUT -j KUBE-FIREWALL', 'COMMIT'],
    ],
    [
      'an old kubelet has its rule in the chain',
      tables([hint, canary], [firewall, ...jumps, '-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP']),
      ['*filter', drop, 'COMMIT'],
    ],
  ])('where %s', (_name, seen, input) => {
    expect(missingChains({...seen, family: 'IPv4'})).toEqual(input);
  });

  it('are hint and canaries over IPv6', () => {
    expect(missingChains({family: 'IPv6', ...nothing, filter: ''})).toEqual([
      ...['*mangle', hint, canary, 'COMMIT'],
      ...['*nat', canary, 'COMMIT'],
      ...['*filter', canary, 'COMMIT'],
    ]);
    expect(missingChains({family: 'IPv6', ...whole, filter: ''})).toEqual([]);
  });
});

/** Timers run when the test says so. */
class HandClock implements Clock {
  readonly #due: (() => void)[] = [];
  now = () => 0;
  monotonic = () => 0;
  after(_ms: number, run: () => void): () => void {
    this.#due.push(run);
    return () => undefined;
  }
  tick(): boolean {
    const run = this.#due.shift();
    run?.();
    return run !== undefined;
  }
}

describe('startUtilChains', () => {
  const fake = (family: Iptables['family'], restored: string[], fails: boolean): Iptables => ({
    family,
    backend: 'default',
    save: async () => {
      if (fails) throw new Error('no such program');
      return '';
    },
    restore: async (input) => void restored.push(`${family} ${input.length}`),
    holds: async () => true,
  });

  async function rounds(count: number, make: boolean, fails: (family: Iptables['family']) => boolean) {
    const clock = new HandClock();
    const restored: string[] = [];
    const told: unknown[] = [];
    const chains = startUtilChains({
      config: {makeIPTablesUtilChains: make},
      clock,
      log: {...silent, info: (message, fields) => told.push([message, fields?.family])},
      open: (family) => fake(family, restored, fails(family)),
    });
    for (let at = 0; at < count; at++) {
      if (!clock.tick()) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await chains.stop();
    return {restored, told};
  }

  it('looks after both families each minute', async () => {
    expect(await rounds(2, true, () => false)).toEqual({
      restored: ['IPv4 14', 'IPv6 10', 'IPv4 14', 'IPv6 10'],
      told: [],
    });
  });

  it('does nothing where makeIPTablesUtilChains says so', async () => {
    expect(await rounds(2, false, () => false)).toEqual({restored: [], told: []});
  });

  it('tells once of a family without iptables, and goes on with the other', async () => {
    expect(await rounds(3, true, (family) => family === 'IPv6')).toEqual({
      restored: ['IPv4 14', 'IPv4 14', 'IPv4 14'],
      told: [['no chains are kept in iptables for others', 'IPv6']],
    });
  });
});
