import {describe, expect, it} from 'vitest';
import {readCounted} from '../../../../src/edges/nftables/iptables-counts.ts';
import {acceptedOnLoopback, droppedAsInvalid} from '../../../../src/proxy/iptables/packet-counts.ts';

describe('what the rules have counted', () => {
  it('is read as iptables -v -S prints it', () => {
    const text = [
      '-N KUBE-FORWARD',
      '-A KUBE-FORWARD -m conntrack --ctstate INVALID -c 12 720 -j DROP',
      '-A KUBE-FORWARD -m comment --comment "a -c 1 2 b" -c 3 180',
      '',
    ].join('\n');
    expect(readCounted(text)).toEqual([
      {rule: '-m conntrack --ctstate INVALID -j DROP', packets: 12},
      {rule: '-m comment --comment "a -c 1 2 b"', packets: 3},
    ]);
  });

  it('are INVALID packets where a rule drops these', () => {
    const counted = [
      {rule: '-m conntrack --ctstate INVALID -j DROP', packets: 12},
      {rule: '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', packets: 900},
    ];
    expect(droppedAsInvalid(counted)).toBe(12);
    expect(droppedAsInvalid(counted.slice(1))).toBe(0);
  });

  it('are connections to loopback that no rule let go on', () => {
    const rules = ['-m comment --comment "in"', '-j KUBE-NODEPORTS', '-m comment --comment "out"'];
    const counts = (...packets: number[]) => packets.map((n, i) => ({rule: rules[i] ?? '', packets: n}));
    expect(acceptedOnLoopback(counts(12, 12, 2))).toBe(10);
    expect(acceptedOnLoopback([])).toBe(0);
  });
});
