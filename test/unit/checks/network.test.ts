import {describe, expect, it} from 'vitest';
import type {Finding} from '../../../src/checks/check.ts';
import {judgeAddress} from '../../../src/checks/identity/node-address.ts';
import {judgeIdentity} from '../../../src/checks/identity/same-machine.ts';
import {judgeOldRules} from '../../../src/checks/leftovers/rules.ts';
import {judgeDns} from '../../../src/checks/network/cluster-dns.ts';
import {judgeFirewall} from '../../../src/checks/network/kubelet-firewall.ts';
import {judgeRanges} from '../../../src/checks/network/ranges.ts';
import {type Compared, judgeCommits} from '../../../src/checks/proxy/committed.ts';
import {judgeFollowed} from '../../../src/checks/proxy/following.ts';
import {judgeForward} from '../../../src/checks/proxy/forward-drop.ts';
import {judgeMixed} from '../../../src/checks/proxy/mixed-rules.ts';
import {repairsOf} from '../../../src/checks/proxy/repairs.ts';
import {judgeRequests} from '../../../src/checks/trust/serving-request.ts';
import {parseRoutes} from '../../../src/edges/network/routes.ts';
import {parseMap, parseRuleset} from '../../../src/edges/nftables/nft-sight.ts';
import type {Followed} from '../../../src/edges/nftables/proxy-commits.ts';
import {mapDigest} from '../../../src/lib/text/map-digest.ts';

const brief = (findings: readonly Finding[]) => findings.map(({code, severity}) => `${severity} ${code}`);

const chain = (table: string, name: string, head: string, ...rules: string[]) =>
  `table ${table} {\n\tchain ${name} {\n${[head, ...rules].map((line) => `\t\t${line}\n`).join('')}\t}\n}\n`;
const forward = (...rules: string[]) =>
  chain('ip filter', 'FORWARD', 'type filter hook forward priority filter; policy drop;', ...rules);
const input = (policy: string, ...rules: string[]) =>
  chain('inet filter', 'input', `type filter hook input priority filter; policy ${policy};`, ...rules);

describe('what the proxy follows', () => {
  const followed = (over: Partial<Followed>): Followed => ({
    resource: 'Services',
    synced: true,
    failingMs: 0,
    ...over,
  });
  const judge = (...all: Followed[]) => judgeFollowed(all, 'nodectl logs proxy');

  it.each<[string, Followed[], string[]]>([
    ['all of it', [followed({})], []],
    ['not for the pause of a back-off', [followed({failingMs: 80_000, error: 'ECONNRESET'})], []],
    ['nothing for long', [followed({}), followed({failingMs: 91_000, error: 'x'})], ['error ND750']],
    ['nothing yet', [followed({synced: false})], []],
    [
      'nothing, refused from the start',
      [followed({synced: false, failingMs: 1, error: 'forbidden'})],
      ['error ND750'],
    ],
  ])('is %s', (_, all, findings) => {
    expect(brief(judge(...all))).toEqual(findings);
  });

  it('is named with its reason and what helps', () => {
    const [finding] = judge(followed({synced: false, failingMs: 5000, error: 'services is forbidden: no'}));
    expect(finding?.message).toBe(
      'the service proxy cannot read Services (tried for 5s)\nservices is forbidden: no',
    );
    expect(finding?.next?.[0]).toContain('kubeadm:node-proxier');
  });
});

describe('rules of others', () => {
  it.each([
    ['none', '', [], []],
    ['a policy', forward(), [], ['error ND745']],
    ['a policy and an exception for the bridge', forward('iifname "cni0" accept'), [], []],
    ['a policy and one for the pods’ range', forward('ip saddr 10.244.1.0/24 accept'), [], []],
    ['a policy and one for something else', forward('iifname "docker0" accept'), [], ['error ND745']],
    ['a legacy policy', '', ['filter -P FORWARD DROP'], ['error ND745']],
    [
      'a legacy policy with KUBE-FORWARD',
      '',
      ['filter -P FORWARD DROP', 'filter -A FORWARD -j KUBE-FORWARD'],
      [],
    ],
  ])('at the forward hook: %s', (_, ruleset, legacy, expected) => {
    expect(brief(judgeForward(parseRuleset(ruleset), legacy, '10.244.1.0/24'))).toEqual(expected);
  });
  it.each([
    ['nothing', '', [], []],
    ['a drop of the port', input('accept', 'tcp dport 10250 drop'), [], ['warning ND319']],
    ['a reject of a range', input('accept', 'tcp dport 10000-11000 reject'), [], ['warning ND319']],
    ['a drop of another port', input('accept', 'tcp dport 22 drop'), [], []],
    [
      'a policy',
      input('drop', 'iifname "lo" accept', 'ct state established,related accept'),
      [],
      ['warning ND319'],
    ],
    [
      'a policy, and an accept of a CNI plugin',
      input('drop') + chain('ip nat', 'CNI-1', 'ip daddr 10.244.0.0/24 accept'),
      [],
      ['warning ND319'],
    ],
    ['a policy that knows the port', input('drop', 'tcp dport { 22, 10250 } accept'), [], []],
    ['a policy that knows the network', input('drop', 'ip saddr 10.0.0.0/8 accept'), [], []],
    ['a legacy rule', '', ['filter -A INPUT -p tcp -m tcp --dport 10250 -j DROP'], ['warning ND319']],
  ])('before the kubelet’s port: %s', (_, ruleset, legacy, expected) => {
    expect(brief(judgeFirewall(parseRuleset(ruleset), legacy, 10250))).toEqual(expected);
  });
  it.each([
    ['only nft', chain('ip nat', 'POSTROUTING', 'type nat hook postrouting priority 100;', 'x'), [], []],
    ['only a legacy policy', chain('ip nat', 'A', 'x'), ['filter -P FORWARD DROP'], []],
    ['both', chain('ip nat', 'A', 'x'), ['nat -A OUTPUT -j RETURN'], ['warning ND746']],
    [
      'legacy beside a kubelet’s own of nft',
      chain('ip filter', 'INPUT', 'type filter hook input priority 0; policy accept;', 'jump KUBE-FIREWALL') +
        chain('ip filter', 'KUBE-FIREWALL', 'ip daddr 127.0.0.0/8 drop'),
      ['nat -A OUTPUT -j RETURN'],
      [],
    ],
    [
      'legacy beside tables of nft’s own',
      chain('ip nodectl-proxy', 'A', 'x'),
      ['nat -A OUTPUT -j RETURN'],
      [],
    ],
  ])('of both kinds: %s', (_, ruleset, legacy, expected) => {
    expect(brief(judgeMixed(parseRuleset(ruleset), legacy))).toEqual(expected);
  });
  it.each([
    ['none', '', [], []],
    ['a hint of a kubelet', chain('ip mangle', 'KUBE-IPTABLES-HINT', ''), [], []],
    ['kube-proxy’s', chain('ip nat', 'KUBE-SERVICES', ''), [], ['warning ND607']],
    ['a table of ours', 'table ip nodectl-proxy {\n}\n', [], ['warning ND607']],
    ['a table that stood in for it', 'table ip6 nodectl-proxy-other {\n}\n', [], ['warning ND607']],
    ['legacy ones', '', ['nat -A POSTROUTING -j CNI-abc'], ['warning ND607']],
  ])('of an earlier node: %s', (_, ruleset, legacy, expected) => {
    expect(brief(judgeOldRules(parseRuleset(ruleset), legacy))).toEqual(expected);
  });
});

describe('the proxy’s last commit', () => {
  const lines = ['10.96.0.1 . tcp . 443 : goto a', '10.96.0.10 . udp . 53 : goto b'];
  const commit = {
    table: 'ip nodectl-proxy',
    known: true,
    pendingMs: 0,
    services: 2,
    digest: mapDigest(lines),
    sample: [],
  };
  const compared = {family: 'IPv4', commit, sampleThere: true};
  const judge = (...all: readonly Compared[]) =>
    judgeCommits({seen: all, repairs: [], changers: []}, 'restart');
  const kernel = (elements: readonly string[]) => ({count: elements.length, digest: mapDigest(elements)});
  it('is the same in any order', () => {
    expect(judge({...compared, kernel: kernel(lines.toReversed())})).toEqual([]);
  });
  it.each([
    ['an element less', lines.slice(1)],
    ['an element more', [...lines, '10.96.0.9 . tcp . 1 : drop']],
    ['another verdict', [lines[0] ?? '', '10.96.0.10 . udp . 53 : goto c']],
  ])('differs by %s', (_, elements) => {
    expect(brief(judge({...compared, kernel: kernel(elements)}))).toEqual(['error ND740']);
  });
  it('is sampled where it is large', () => {
    expect(judge({...compared, kernel: undefined})).toEqual([]);
    expect(brief(judge({...compared, kernel: undefined, sampleThere: false}))).toEqual(['error ND740']);
  });
  it('may be late, and says so once for both families', () => {
    const late = {...compared, commit: {...commit, pendingMs: 6000}, kernel: kernel(lines)};
    const all = judge(late, {...late, family: 'IPv6'});
    expect(all.map(({message}) => message)).toEqual([
      'a change of Services (IPv4 and IPv6) has waited 6 s for the kernel',
    ]);
  });
  it.each([
    ['one repair', [3], []],
    ['two at once', [9, 3], ['error ND740']],
    ['some, long ago', [500, 400], []],
    ['many, long ago', [500, 400, 300, 200, 100], ['warning ND740']],
    ['many, before its last start', [500, 400, 300, 200, 100, 'start'], []],
  ] as const)('was repaired: %s', (_, events, expected) => {
    const nowMs = Date.parse('2026-11-21T12:00:00Z');
    const log = events.map((event) =>
      event === 'start'
        ? '{"msg":"Services and EndpointSlices are known"}'
        : JSON.stringify({
            time: new Date(nowMs - event * 1000).toISOString(),
            msg: 'somebody changed the table of service rules; it is written again',
          }),
    );
    const repairs = repairsOf(log, nowMs);
    expect(brief(judgeCommits({seen: [], repairs, changers: []}, 'restart'))).toEqual(expected);
  });
  it('names who changes it', () => {
    const other = {...compared, kernel: kernel(lines.slice(1))};
    const [finding] = judgeCommits(
      {seen: [other], repairs: [], changers: [{pid: 812, name: 'firewalld'}]},
      'restart',
    );
    expect(finding?.message).toContain('firewalld (process 812) changes the packet filter meanwhile');
  });
  it('is read as nft prints it', () => {
    const text = `table ip t {\n\tmap services {\n\t\ttype ipv4_addr . inet_proto . inet_service : verdict\n\t\telements = { ${lines[0]},\n\t\t\t     fd00::1 . udp . 53 : drop }\n\t}\n}\n`;
    expect(parseMap(text)).toEqual([lines[0], 'fd00::1 . udp . 53 : drop']);
  });
});

describe('ranges', () => {
  const table = `Iface Destination Gateway Flags RefCnt Use Metric Mask\neth0 00000000 014DA8C0 0003 0 0 0 00000000\ncni0 0000F40A 00000000 0001 0 0 0 00FFFFFF\neth0 004DA8C0 00000000 0001 0 0 0 00FFFFFF\n`;
  const routes = parseRoutes(table);
  const seen = {routes, uplinks: ['eth0'], podCidrs: ['10.244.0.0/24'], serviceIps: ['10.96.0.1']};
  const connected = (destination: string, length: number) => ({
    ...seen,
    routes: [...routes, {device: 'eth0', destination, length, gateway: false}],
  });
  it.each([
    ['apart', seen, []],
    ['the pods’ within the network', connected('10.244.0.0', 16), ['error ND321']],
    ['the network within the pods’', connected('10.244.0.128', 25), ['error ND321']],
    ['a Service within the network', connected('10.96.0.0', 24), ['error ND321']],
  ])('%s', (_, given, expected) => {
    expect(brief(judgeRanges(given))).toEqual(expected);
  });
});

describe('who the node is', () => {
  const metadata = {name: 'n', uid: 'u', resourceVersion: '1'};
  const node = (machineID: string, address: string) => ({
    kind: 'there' as const,
    object: {
      metadata,
      status: {
        nodeInfo: {
          machineID,
          architecture: '',
          bootID: '',
          containerRuntimeVersion: '',
          kernelVersion: '',
          kubeProxyVersion: '',
          kubeletVersion: '',
          operatingSystem: '',
          osImage: '',
          systemUUID: '',
        },
        addresses: [{type: 'InternalIP', address}],
      },
    },
  });
  it.each([
    ['a', 'a', []],
    ['a', 'b', ['error ND204']],
    ['', 'b', []],
  ])('machine-id %s as told, %s here', (told, own, expected) => {
    expect(brief(judgeIdentity(node(told, ''), own))).toEqual(expected);
  });
  it.each([
    ['192.0.2.1', []],
    ['192.0.2.2', ['error ND207']],
    ['10.0.2.15', ['warning ND206']],
  ])('address %s', (address, expected) => {
    const local = ['192.0.2.1', '10.0.2.15'].map((own) => ({device: 'eth0', address: own}));
    expect(brief(judgeAddress(node('', address), local, 'x'))).toEqual(expected);
  });
});

describe('what others answer', () => {
  it.each([
    [{kind: 'answer', code: 'NOERROR', addresses: ['10.96.0.1']} as const, []],
    [{kind: 'answer', code: 'NXDOMAIN', addresses: []} as const, ['warning ND320']],
    [{kind: 'refused', detail: ''} as const, ['warning ND320']],
    [{kind: 'silent', detail: ''} as const, ['error ND320']],
  ])('cluster DNS %o', (answer, expected) => {
    expect(brief(judgeDns('10.96.0.10', 'kubernetes.default', answer))).toEqual(expected);
  });
  it.each([
    [1, []],
    [60, ['warning ND418']],
  ])('a request for a serving certificate %i s old', (age, expected) => {
    const now = Date.parse('2026-01-01T00:01:00Z');
    const creationTimestamp = new Date(now - age * 1000).toISOString();
    const metadata = {name: 'csr', uid: 'u', resourceVersion: '1', creationTimestamp};
    const request = {metadata, spec: {request: '', signerName: ''}};
    expect(brief(judgeRequests({kind: 'there', object: [request]}, now))).toEqual(expected);
  });
});
