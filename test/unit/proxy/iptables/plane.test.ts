import {describe, expect, it} from 'vitest';
import {type Iptables, lineNumber} from '../../../../src/edges/nftables/iptables.ts';
import {complaintIn} from '../../../../src/edges/nftables/nft-sight.ts';
import {chainNames} from '../../../../src/proxy/iptables/names.ts';
import {readSaved} from '../../../../src/proxy/iptables/observed.ts';
import {isOurs, removalInputs} from '../../../../src/proxy/iptables/removal.ts';
import {comment} from '../../../../src/proxy/iptables/rules.ts';
import {viewNode} from '../../../../src/proxy/model/node.ts';
import {chooseMode, knowsRandomFully, lackOfNft} from '../../../../src/proxy/plane/mode.ts';
import {node, service, slice} from '../support/objects.ts';
import {FakeIptables} from './support/fake-iptables.ts';
import {iptablesPlane} from './support/planes.ts';

const here = viewNode('here', node('here', ['192.168.0.2']), '0.0.0.0');
const context = {nodePortIPs: undefined, serviceCIDRs: []};

function serviceOf(key: string, spec: object, endpoints = ['10.180.0.1']) {
  const one = service(key, {
    clusterIP: '10.20.30.41',
    ports: [{name: 'p80', protocol: 'TCP', port: 80}],
    ...spec,
  });
  const own = slice({
    service: key,
    ports: [{name: 'p80', port: 80}],
    endpoints: endpoints.map((ip) => ({ip, node: 'here'})),
  });
  return [key, {service: one, slices: [own]}] as const;
}

describe('names and rules', () => {
  it('are those of kube-proxy', async () => {
    const names = chainNames('ns1/svc1:p80', 'tcp');
    expect(names.cluster).toBe('KUBE-SVC-XPGD46QRK7WJZT7O');
    expect(names.endpoint('10.180.0.1:80')).toBe('KUBE-SEP-SXIVWICOYRO3J4NJ');
    const iptables = new FakeIptables('IPv4');
    const plane = iptablesPlane(iptables);
    plane.update({sources: new Map([serviceOf('ns1/svc1', {})]), node: here, context});
    await plane.commit();
    expect(iptables.rules('nat KUBE-SVC-XPGD46QRK7WJZT7O')).toEqual([
      '-m comment --comment "ns1/svc1:p80 cluster IP" -m tcp -p tcp -d 10.20.30.41 --dport 80 ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ',
      '-m comment --comment "ns1/svc1:p80 -> 10.180.0.1:80" -j KUBE-SEP-SXIVWICOYRO3J4NJ',
    ]);
    expect(iptables.rules('nat KUBE-SEP-SXIVWICOYRO3J4NJ')).toEqual([
      '-m comment --comment "ns1/svc1:p80" -s 10.180.0.1 -j KUBE-MARK-MASQ',
      '-m comment --comment "ns1/svc1:p80" -m tcp -p tcp -j DNAT --to-destination 10.180.0.1:80',
    ]);
  });

  it('survive whatever a name holds', () => {
    expect(comment('a"b\nc')).toBe('-m comment --comment "a?b?c"');
    expect(comment('x'.repeat(400)).length).toBeLessThan(280);
  });

  it('leave comments of endpoints away in a large cluster, and write nothing again for that', async () => {
    const iptables = new FakeIptables('IPv4');
    const plane = iptablesPlane(iptables);
    plane.update({sources: new Map([serviceOf('a/small', {})]), node: here, context});
    await plane.commit();
    iptables.inputs.length = 0;
    const many = Array.from({length: 1001}, (_, i) => `10.1.${i >> 8}.${i & 255}`);
    const large = serviceOf('a/large', {clusterIP: '10.20.30.42'}, many);
    plane.update({sources: new Map([large]), node: here, context: undefined});
    expect(await plane.commit()).toBe('partial');
    const written = iptables.inputs.flat().filter((line) => line.startsWith('-A '));
    expect(written.length).toBe(1 + 1001 + 2 * 1001);
    expect(written.filter((line) => line.includes('--comment')).length).toBe(1);
  });

  it('are put in and taken out one by one', async () => {
    const iptables = new FakeIptables('IPv4');
    const plane = iptablesPlane(iptables);
    const sources = Array.from({length: 100}, (_, i) => serviceOf(`a/s${i}`, {clusterIP: `10.20.31.${i}`}));
    plane.update({sources: new Map(sources), node: here, context});
    await plane.commit();
    iptables.inputs.length = 0;
    plane.update({
      sources: new Map([['a/s5', {service: undefined, slices: []}]]),
      node: here,
      context: undefined,
    });
    await plane.commit();
    expect(iptables.inputs).toHaveLength(1);
    expect(iptables.inputs[0]?.map((line) => /^(:KUBE-...|-. KUBE-...|.*)/.exec(line)?.[1])).toEqual([
      '*nat',
      ':KUBE-SVC',
      ':KUBE-SEP',
      '-D KUBE-SER',
      '-X KUBE-SVC',
      '-X KUBE-SEP',
      'COMMIT',
    ]);
  });
});

describe('node ports on loopback', () => {
  it.each([
    [
      'IPv4',
      true,
      undefined,
      [
        '-m addrtype --dst-type LOCAL -d 127.0.0.0/8 -j KUBE-PROXY-LOOPBACK',
        '-m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -j KUBE-NODEPORTS',
      ],
    ],
    ['IPv4', false, undefined, ['-m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -j KUBE-NODEPORTS']],
    ['IPv6', false, undefined, ['-m addrtype --dst-type LOCAL ! -d ::1/128 -j KUBE-NODEPORTS']],
    [
      'IPv4',
      true,
      ['192.168.0.2'],
      ['-d 192.168.0.2 -j KUBE-NODEPORTS', '-d 127.0.0.1 -j KUBE-PROXY-LOOPBACK'],
    ],
    ['IPv4', false, ['192.168.0.2'], ['-d 192.168.0.2 -j KUBE-NODEPORTS']],
  ] as const)('%s %s %s', async (family, localhostNodePorts, nodePortIPs, expected) => {
    const iptables = new FakeIptables(family);
    const plane = iptablesPlane(iptables, {localhostNodePorts});
    plane.update({sources: new Map(), node: here, context: {nodePortIPs, serviceCIDRs: []}});
    await plane.commit();
    const last = iptables.rules('nat KUBE-SERVICES').map((rule) => rule.slice(rule.lastIndexOf('" ') + 2));
    expect(last).toEqual(expected);
    const martians = family === 'IPv4' && localhostNodePorts ? 1 : 0;
    expect(iptables.rules('filter KUBE-FIREWALL')).toHaveLength(martians);
  });
});

describe('what iptables refuses', () => {
  it('costs the Service that it is about, and no other', async () => {
    const broken: string[] = [];
    const iptables = new FakeIptables('IPv4');
    iptables.refuse = (line) => (line.includes('recent') ? 'no such match' : undefined);
    const plane = iptablesPlane(iptables, {onBroken: (key) => broken.push(key)});
    const sources = [
      serviceOf('a/good', {}),
      serviceOf('a/bad', {clusterIP: '10.20.30.42', sessionAffinity: 'ClientIP'}),
    ];
    plane.update({sources: new Map(sources), node: here, context});
    expect(await plane.commit()).toBe('full');
    expect(broken).toEqual(['a/bad']);
    expect(iptables.rules('nat KUBE-SERVICES').filter((rule) => rule.includes('a/'))).toHaveLength(1);
    expect(plane.known).toBe(true);
  });

  it('costs no other also where the kernel refuses the whole table', async () => {
    const broken: string[] = [];
    const iptables = new FakeIptables('IPv4', 'legacy');
    iptables.refuseTable = (line) => line.includes('recent') || line.includes('sctp');
    const plane = iptablesPlane(iptables, {onBroken: (key) => broken.push(key)});
    const good = Array.from({length: 9}, (_, i) => serviceOf(`a/good-${i}`, {clusterIP: `10.20.31.${i}`}));
    const sources = [
      ...good.slice(0, 4),
      serviceOf('a/bad', {clusterIP: '10.20.30.42', sessionAffinity: 'ClientIP'}),
      ...good.slice(4),
      serviceOf('b/bad', {clusterIP: '10.20.30.43', ports: [{name: 'p', protocol: 'SCTP', port: 80}]}),
    ];
    plane.update({sources: new Map(sources), node: here, context});
    expect(await plane.commit()).toBe('full');
    expect(broken).toEqual(['a/bad', 'b/bad']);
    expect(iptables.rules('nat KUBE-SERVICES').filter((rule) => rule.includes('a/'))).toHaveLength(9);
    expect(await iptables.save()).not.toContain('PROBE');
  });

  it('is an error when it is nobody’s line, and all is written next time', async () => {
    const iptables = new FakeIptables('IPv4');
    const plane = iptablesPlane(iptables);
    plane.update({sources: new Map([serviceOf('a/good', {})]), node: here, context});
    await plane.commit();
    iptables.refuse = (line) => (line === 'COMMIT' ? 'Resource temporarily unavailable' : undefined);
    plane.update({
      sources: new Map([serviceOf('a/good', {}, ['10.180.0.2'])]),
      node: here,
      context: undefined,
    });
    await expect(plane.commit()).rejects.toThrow('Resource');
    expect(plane.known).toBe(false);
    iptables.refuse = () => undefined;
    expect(await plane.commit()).toBe('full');
  });

  it('is found by the line that iptables names', () => {
    expect(lineNumber('iptables-restore: line 12 failed')).toBe(12);
    expect(lineNumber('invalid port\nError occurred at line: 3\nTry')).toBe(3);
    expect(lineNumber('line 7: RULE_APPEND failed (Invalid argument): rule in chain X')).toBe(7);
    expect(lineNumber('Another app is currently holding the xtables lock.')).toBe(0);
  });

  it('does not send the look for missing rules into a circle', async () => {
    const iptables = new FakeIptables('IPv4');
    iptables.refuse = (line) => (line.startsWith('-C ') ? 'not understood' : undefined);
    const plane = iptablesPlane(iptables);
    plane.update({sources: new Map(), node: here, context});
    await plane.commit();
    expect(await plane.isIntact()).toBe(true);
  });

  it('keeps looking where a stranger takes the rules away at the moment of the first look', async () => {
    const iptables = new FakeIptables('IPv4');
    const looks = {before: 1};
    const flushed: Iptables = {
      family: iptables.family,
      backend: iptables.backend,
      save: () => iptables.save(),
      restore: (input) => iptables.restore(input),
      holds: (input) => {
        if (looks.before-- > 0) iptables.flush();
        return iptables.holds(input);
      },
    };
    const plane = iptablesPlane(flushed);
    plane.update({sources: new Map([serviceOf('a/web', {})]), node: here, context});
    await plane.commit();
    expect(iptables.rules('nat KUBE-SERVICES')).not.toEqual([]);
    expect(await plane.isIntact()).toBe(true);
    iptables.flush();
    expect(await plane.isIntact()).toBe(false);
  });

  it('writes everything again after an hour where no look finds what it wrote', async () => {
    const iptables = new FakeIptables('IPv4');
    iptables.refuse = (line) => (line.startsWith('-C ') ? 'not understood' : undefined);
    let nowMs = 0;
    const plane = iptablesPlane(iptables, {monotonic: () => nowMs});
    plane.update({sources: new Map(), node: here, context});
    await plane.commit();
    nowMs = 3_599_000;
    expect(await plane.isIntact()).toBe(true);
    nowMs = 3_601_000;
    expect(await plane.isIntact()).toBe(false);
  });
});

describe('inspection', () => {
  it('sees single rules that a stranger changes, and not those that are committed', async () => {
    const iptables = new FakeIptables('IPv4');
    const plane = iptablesPlane(iptables);
    plane.update({sources: new Map([serviceOf('a/web', {})]), node: here, context});
    await plane.commit();
    expect((await plane.inspect())?.changed).toBe(undefined);
    expect((await plane.inspect())?.changed).toBe(undefined);
    plane.update({
      sources: new Map([serviceOf('a/web', {}, ['10.180.0.2'])]),
      node: here,
      context: undefined,
    });
    await plane.commit();
    expect((await plane.inspect())?.changed).toBe(undefined);
    await iptables.restore(['*nat', '-A PREROUTING -j ACCEPT', 'COMMIT']);
    expect((await plane.inspect())?.changed).toBe(undefined);
    await iptables.restore(['*nat', ':KUBE-NODEPORTS - [0:0]', '-I KUBE-SERVICES -j ACCEPT', 'COMMIT']);
    expect((await plane.inspect())?.changed).toBe('its rules');
    plane.forget();
    await plane.commit();
    expect((await plane.inspect())?.changed).toBe(undefined);
    expect(iptables.rules('nat KUBE-SERVICES')).not.toContain('-j ACCEPT');
  });
});

describe('taking the rules away', () => {
  it('leaves what others made, and what others name', async () => {
    const iptables = new FakeIptables('IPv4');
    await iptables.restore([
      '*nat',
      ':MINE - [0:0]',
      '-A MINE -p tcp -j ACCEPT',
      '-A PREROUTING -j MINE',
      'COMMIT',
    ]);
    const before = await iptables.save();
    const plane = iptablesPlane(iptables, {localhostNodePorts: true});
    plane.update({sources: new Map([serviceOf('a/web', {})]), node: here, context});
    await plane.commit();
    const observed = readSaved(await iptables.save());
    expect(isOurs(observed)).toBe(true);
    for (const input of removalInputs(observed)) await iptables.restore(input);
    expect(await iptables.save()).toBe(before);
    await plane.commit();
    plane.forget();
    await plane.commit();
    await iptables.restore(['*nat', '-A MINE -s 10.9.0.0/16 -j KUBE-MARK-MASQ', 'COMMIT']);
    for (const input of removalInputs(readSaved(await iptables.save()))) await iptables.restore(input);
    expect((await iptables.save()).match(/KUBE-[A-Z-]+/g)?.every((name) => name === 'KUBE-MARK-MASQ')).toBe(
      true,
    );
    expect(iptables.rules('nat KUBE-MARK-MASQ')).toHaveLength(1);
  });

  it('is nothing to do where the rules are kube-proxy’s', () => {
    expect(isOurs(readSaved('*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-PROXY-CANARY - [0:0]\nCOMMIT'))).toBe(false);
  });

  it('leaves KUBE-FIREWALL to a kubelet', async () => {
    const iptables = new FakeIptables('IPv4');
    await iptables.restore(['*mangle', ':KUBE-KUBELET-CANARY - [0:0]', 'COMMIT']);
    const plane = iptablesPlane(iptables, {localhostNodePorts: true});
    plane.update({sources: new Map(), node: here, context});
    await plane.commit();
    for (const input of removalInputs(readSaved(await iptables.save()))) await iptables.restore(input);
    expect(iptables.rules('filter KUBE-FIREWALL')).toHaveLength(1);
    expect(iptables.rules('filter INPUT')).toEqual(['-j KUBE-FIREWALL']);
  });
});

describe('the mode', () => {
  const kind = (backend: 'nft' | 'legacy', hinted: boolean, rules: number) => ({
    backend,
    version: '1.8.9',
    hinted,
    rules,
  });
  const kinds =
    (...list: ReturnType<typeof kind>[]) =>
    async () =>
      list;

  it('is the one that was asked for where it can be', async () => {
    expect(await chooseMode('nftables', undefined, kinds())).toEqual({mode: 'nftables', reason: undefined});
    expect(await chooseMode('iptables', undefined, kinds(kind('nft', false, 0)))).toMatchObject({
      mode: 'iptables',
      reason: undefined,
    });
  });

  it('is the other one with the reason where it cannot', async () => {
    const lack = lackOfNft('5.10.0-30-amd64', '1.0.6', false);
    expect(lack).toBe('kernel 5.10.0-30-amd64 is older than 5.13');
    expect(await chooseMode('nftables', lack, kinds(kind('legacy', false, 0)))).toMatchObject({
      mode: 'iptables',
      reason: lack,
    });
    expect(await chooseMode('iptables', undefined, kinds())).toEqual({
      mode: 'nftables',
      reason: 'iptables is not installed',
    });
    await expect(chooseMode('nftables', lack, kinds())).rejects.toThrow(/5\.10.*iptables is not installed/);
  });

  it.each([
    ['5.13.0', '1.0.1', false, undefined],
    ['6.1.0-18-amd64', '1.0.6', false, undefined],
    ['5.10.0', '1.0.6', true, undefined],
    ['5.10.0', '0.9.8', true, 'nft 0.9.8 is older than 1.0.1'],
    ['6.1.0', undefined, false, 'nft is not installed'],
  ])('kernel %s, nft %s', (kernel, nft, anyKernel, expected) => {
    expect(lackOfNft(kernel, nft, anyKernel)).toBe(expected);
  });

  /** nft 1.0.2 of Ubuntu 22.04; a kernel that lacks something; somebody without the right. */
  it.each([
    [
      `Error: can not use variable sized data types (integer) in concat expressions
add map ip t m { typeof ip daddr . numgen inc mod 2 : ip daddr; };
                        ~~~~~~~~^^^^^^^^^^^^^^^^^^`,
      'can not use variable sized data types (integer) in concat expressions',
    ],
    [
      `Error: Could not process rule: Operation not supported
add chain ip t c { type nat hook output priority -100; };
               ^`,
      undefined,
    ],
    ['netlink: Error: cache initialization failed: Operation not permitted', undefined],
    ['', undefined],
  ])('goes by what an nft does not understand: %j', (stderr, complaint) => {
    expect(complaintIn(stderr)).toBe(complaint);
  });

  it.each([
    ['a kubelet’s chains', [kind('nft', false, 90), kind('legacy', true, 0)], 'legacy'],
    [
      'iptables-nft where both have a kubelet’s chains',
      [kind('nft', true, 0), kind('legacy', true, 0)],
      'nft',
    ],
    ['the kind with more rules', [kind('nft', false, 3), kind('legacy', false, 4)], 'legacy'],
    ['iptables-nft where nothing tells', [kind('nft', false, 0), kind('legacy', false, 0)], 'nft'],
  ])('goes by %s', async (_why, list, backend) => {
    expect(await chooseMode('iptables', undefined, async () => list)).toMatchObject({backend});
  });

  it('knows which iptables can masquerade with random ports', () => {
    expect([knowsRandomFully('1.6.1'), knowsRandomFully('1.6.2'), knowsRandomFully('1.8.9')]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
