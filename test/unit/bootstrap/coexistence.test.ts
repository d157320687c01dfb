import {describe, expect, it} from 'vitest';
import {decideProxy, type SeenProxy} from '../../../src/bootstrap/phases/proxy.ts';
import {assertPassed} from '../../../src/bootstrap/preflight.ts';
import {failure} from '../../../src/checks/check.ts';
import {judgeAgents, judgeServices} from '../../../src/checks/leftovers/other-agents.ts';
import {foreignProxy} from '../../../src/config/foreign-proxy.ts';
import {withoutSwap} from '../../../src/config/machine/fstab.ts';
import {parseSwapUnits} from '../../../src/edges/mounts/swaps.ts';
import {parseEnabled} from '../../../src/edges/systemd/enabled.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';

const none = {tables: [], chains: []};
const pod = (app: string, env: string[] = []): Pod => ({
  metadata: {
    name: `${app}-x`,
    namespace: 'kube-system',
    labels: {'k8s-app': app},
    uid: 'u',
    resourceVersion: '1',
  },
  spec: {containers: [{name: 'c', env: env.map((name) => ({name, value: 'v'}))}]},
});

const labelled = (labels: Record<string, string>): Pod => ({
  metadata: {name: 'x', namespace: 'kube-system', labels, uid: 'u', resourceVersion: '1'},
  spec: {containers: []},
});
const calico = (value: string): Pod => ({
  ...pod('calico-node'),
  spec: {containers: [{name: 'c', env: [{name: 'FELIX_BPFENABLED', value}]}]},
});

describe('another service proxy', () => {
  it.each<[string, readonly Pod[], typeof none | {tables: string[]; chains: string[]}, RegExp | undefined]>([
    ['is not there', [pod('coredns')], none, undefined],
    ['is kubeadm’s DaemonSet', [pod('kube-proxy')], none, /kube-system\/kube-proxy-x/],
    ['is Cilium in its place', [pod('cilium', ['KUBERNETES_SERVICE_HOST'])], none, /cilium/],
    ['is not Cilium beside it', [pod('cilium')], none, undefined],
    [
      'is a component of a cloud',
      [labelled({component: 'kube-proxy', tier: 'node'})],
      none,
      /kube-system\/x/,
    ],
    ['is OVN', [labelled({app: 'ovnkube-node'})], none, /kube-system\/x/],
    ['is Calico in its eBPF mode', [calico('true')], none, /calico/],
    ['is not Calico otherwise', [calico('false')], none, undefined],
    ['has left an nftables table', [], {tables: ['ip kube-proxy'], chains: []}, /ip kube-proxy/],
    ['has left iptables chains', [], {tables: [], chains: ['ip nat KUBE-SERVICES']}, /KUBE-SERVICES/],
    ['is not the kubelet’s own chain', [], {tables: [], chains: ['ip mangle KUBE-IPTABLES-HINT']}, undefined],
    ['is not ours', [], {tables: ['ip nodectl-proxy'], chains: []}, undefined],
  ])('%s', (_, pods, nft, expected) => {
    if (expected === undefined) expect(foreignProxy(pods, nft)).toBeUndefined();
    else expect(foreignProxy(pods, nft)).toMatch(expected);
  });

  const nowMs = Date.parse('2026-01-01T00:01:00Z');
  const seen: SeenProxy = {
    nowMs,
    node: {metadata: {name: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z'}},
    foreign: undefined,
    serves: false,
    services: {files: [{path: '/x', content: 'x', mode: 0o600}], services: []},
  };
  const implied = {nodeName: 'n', proxyChosen: false};
  it('makes ours stand down, with the command that would change that', () => {
    const {acts, findings} = decideProxy({...seen, foreign: 'pod a/b'}, implied);
    expect(acts).toEqual([]);
    expect(findings?.[0]).toMatchObject({code: 'ND738', severity: 'warning'});
    expect(findings?.[0]?.next[0]).toMatch(/kubectl .*NotIn.*\["n"\]/);
  });
  it('is waited for a moment after registration', () => {
    expect(decideProxy({...seen, nowMs: nowMs - 58_000}, implied).againInMs).toBeGreaterThan(0);
    expect(decideProxy(seen, implied).acts).toHaveLength(2);
  });
  it('is only told of when ours was chosen by name', () => {
    const {acts, findings} = decideProxy({...seen, foreign: 'pod a/b'}, {nodeName: 'n', proxyChosen: true});
    expect(acts).toEqual([]);
    expect(findings?.[0]?.message).toContain('beside our proxy');
  });
});

it('names other agents with their pid', () => {
  const found = judgeAgents([
    {pid: 7, program: 'k3s', command: '/usr/local/bin/k3s agent'},
    {
      pid: 8,
      program: 'containerd',
      command: 'containerd --config /var/run/docker/containerd/containerd.toml',
    },
    {pid: 9, program: 'containerd', command: '/usr/bin/containerd'},
  ]);
  expect(found.map(({code, severity}) => `${code} ${severity}`)).toEqual(['ND605 error', 'ND606 warning']);
  expect(found[0]?.message).toContain('process 7');
});

it('names the service of a kubelet that waits for a configuration, which a join would write', () => {
  const listed =
    'kubelet.service enabled enabled\nk3s.service disabled enabled\nrke2-agent.service enabled-runtime -\n';
  expect(parseEnabled(listed)).toEqual(['kubelet', 'rke2-agent']);
  expect(parseEnabled('')).toEqual([]);
  expect(judgeServices(['kubelet'])).toMatchObject([
    {code: 'ND605', severity: 'error', next: ['sudo systemctl disable --now kubelet']},
  ]);
});

it('tells of another kubelet once, and not of its ports as well', () => {
  const found = (name: string, ...findings: ReturnType<typeof failure>[]) =>
    ({name, category: 'leftovers', state: 'found', findings}) as const;
  const ports = [
    found('Port-10250', failure('ND601', 'process 7 listens on port 10250', 'kill 7')),
    found('Port-10248', failure('ND601', 'process 7 listens on port 10248', 'kill 7')),
  ];
  const agent = found('Service-Kubelet', failure('ND605', 'k3s runs here already (process 7)', 'uninstall'));
  expect(() => assertPassed([...ports, agent])).toThrow(
    expect.objectContaining({
      code: 'ND605',
      message: 'k3s runs here already (process 7)',
      next: ['uninstall'],
    }),
  );
  expect(() => assertPassed(ports)).toThrow(/port 10250\nND601: .*port 10248/);
});

it('comments swap out of fstab, and nothing else', () => {
  const fstab =
    '# swap here\nUUID=1 / ext4 defaults 0 1\nUUID=2 none swap sw 0 0\n/swap.img\tnone\tswap\tsw\t0 0\n#/old none swap sw\n';
  expect(withoutSwap(fstab)).toBe(
    '# swap here\nUUID=1 / ext4 defaults 0 1\n# off by nodectl: UUID=2 none swap sw 0 0\n# off by nodectl: /swap.img\tnone\tswap\tsw\t0 0\n#/old none swap sw\n',
  );
  expect(withoutSwap(withoutSwap(fstab))).toBe(withoutSwap(fstab));
});

it('masks swap units that are not from fstab', () => {
  const output = [
    'Id=dev-zram0.swap\nLoadState=loaded\nSourcePath=\nFragmentPath=/run/systemd/generator/dev-zram0.swap',
    'Id=swap.img.swap\nLoadState=loaded\nSourcePath=/etc/fstab\nFragmentPath=/run/systemd/generator/swap.img.swap',
    'Id=dev-vdb.swap\nLoadState=masked\nSourcePath=\nFragmentPath=/etc/systemd/system/dev-vdb.swap',
    'Id=gone.swap\nLoadState=not-found\nSourcePath=\nFragmentPath=',
  ].join('\n\n');
  expect(parseSwapUnits(output)).toEqual(['dev-zram0.swap']);
});
