import {describe, expect, it} from 'vitest';
import type {CertificateRequest} from '../../../../src/edges/trust/x509.ts';
import type {CertificateSigningRequest, ConfigMap, Secret} from '../../../../src/lib/kubernetes.ts';
import {decideBootstrap} from '../../../../src/sandbox/controllers/bootstrap/decide.ts';
import {type CsrSeen, decideCsr, lifetimeMs} from '../../../../src/sandbox/controllers/csr/decide.ts';
import {decideNamespace} from '../../../../src/sandbox/controllers/namespaces.ts';
import {decideIpam} from '../../../../src/sandbox/controllers/node/ipam.ts';
import {
  decideLifecycle,
  type LifecycleSeen,
} from '../../../../src/sandbox/controllers/node/lifecycle-decide.ts';
import {decideEviction} from '../../../../src/sandbox/controllers/node/taint-eviction.ts';
import {decidePodGc} from '../../../../src/sandbox/controllers/pod-gc.ts';
import {decidePublish} from '../../../../src/sandbox/controllers/publishers.ts';
import {at, meta, node, nowMs, pod} from './things.ts';

describe('node lifecycle', () => {
  type World = {-readonly [Key in keyof LifecycleSeen]: LifecycleSeen[Key]};
  const world = (change: (w: World) => void = () => undefined) => {
    const made: World = {node: node('a'), pods: [], silentMs: 1_000, graceMs: 40_000, nowMs};
    change(made);
    return decideLifecycle(made);
  };
  const taints = (change: (w: World) => void) => {
    const act = world(change).acts.find((a) => a.type === 'taints');
    return act?.type === 'taints' ? act.taints.map((t) => `${t.key.split('/')[1]}:${t.effect}`) : undefined;
  };
  const ready = (status: string) => (w: World) =>
    (w.node = node('a', (n) => (n.status.conditions = [{type: 'Ready', status}])));

  it('leaves a healthy node alone until it has been silent for long enough', () =>
    expect(world()).toEqual({acts: [], againInMs: 39_010}));

  it('says Unknown of a silent node, once', () => {
    const [act] = world((w) => (w.silentMs = 41_000)).acts;
    expect(act?.type === 'conditions' && act.conditions.map((c) => [c.type, c.status, c.reason])).toEqual([
      ['Ready', 'Unknown', 'NodeStatusUnknown'],
      ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated'],
    ]);
  });

  it.each<[string, (w: World) => void, string[] | undefined]>([
    ['ready', () => undefined, undefined],
    ['not ready', ready('False'), ['not-ready:NoSchedule', 'not-ready:NoExecute']],
    ['unknown', ready('Unknown'), ['unreachable:NoSchedule', 'unreachable:NoExecute']],
    ['new', (w) => (w.node = node('a', (n) => (n.status.conditions = []))), ['not-ready:NoSchedule']],
    [
      'cordoned',
      (w) => (w.node = node('a', (n) => (n.spec.unschedulable = true))),
      ['unschedulable:NoSchedule'],
    ],
    [
      'short of memory',
      (w) => (w.node = node('a', (n) => n.status.conditions?.push({type: 'MemoryPressure', status: 'True'}))),
      ['memory-pressure:NoSchedule'],
    ],
    [
      'well again',
      (w) =>
        (w.node = node(
          'a',
          (n) =>
            (n.spec.taints = [
              {key: 'node.kubernetes.io/not-ready', effect: 'NoExecute'},
              {key: 'mine/own', effect: 'NoSchedule'},
            ]),
        )),
      ['own:NoSchedule'],
    ],
  ])('taints a node that is %s', (_, change, wanted) => expect(taints(change)).toEqual(wanted));

  it('marks the pods of a lost node as not ready', () => {
    const acts = world((w) => {
      ready('Unknown')(w);
      w.pods = [
        pod('p'),
        pod('done', (p) => (p.status.phase = 'Succeeded')),
        pod('not', (p) => (p.status.conditions = [])),
      ];
    }).acts;
    expect(acts.flatMap((a) => (a.type === 'unready' ? [a.pod.metadata.name] : []))).toEqual(['p']);
  });
});

describe('eviction by taints', () => {
  const tainted = node('a', (n) => (n.spec.taints = [{key: 'k', effect: 'NoExecute', timeAdded: at}]));
  const toleration = (more: object) => [{key: 'k', operator: 'Exists', effect: 'NoExecute', ...more}];
  it.each<[string, Parameters<typeof pod>[1], object]>([
    ['no toleration', () => undefined, {acts: [expect.objectContaining({type: 'evict'})]}],
    ['one for ever', (p) => (p.spec.tolerations = toleration({})), {acts: []}],
    [
      'one that is over',
      (p) => (p.spec.tolerations = toleration({tolerationSeconds: 60})),
      {acts: [expect.objectContaining({type: 'evict'})]},
    ],
    [
      'one that is not over',
      (p) => (p.spec.tolerations = toleration({tolerationSeconds: 3660})),
      {acts: [], againInMs: 60_000},
    ],
    [
      'the shorter of two',
      (p) => (p.spec.tolerations = [...toleration({}), ...toleration({tolerationSeconds: 3601})]),
      {acts: [], againInMs: 1_000},
    ],
    ['a deletion already', (p) => (p.metadata.deletionTimestamp = at), {acts: []}],
  ])('with %s', (_, change, wanted) =>
    expect(decideEviction({pod: pod('p', change), node: tainted, nowMs})).toEqual(wanted),
  );
});

describe('small deciders', () => {
  it('give each node the first free network', () => {
    const assign = (taken: string[], podCidr = '10.244.0.0/22') =>
      decideIpam({node: node('a'), taken: new Set(taken), podCidr}).acts[0];
    expect(assign(['10.244.0.0/24', '10.244.2.0/24'])).toMatchObject({type: 'assign', cidr: '10.244.1.0/24'});
    expect(assign(['10.244.0.0/24'], '10.244.0.0/24')).toMatchObject({type: 'full'});
    const six = 'fd00:10:244::/56';
    expect(assign([], six)).toMatchObject({type: 'assign', cidr: 'fd00:10:244::/64'});
    expect(assign(['fd00:10:244::/64'], six)).toMatchObject({type: 'assign', cidr: 'fd00:10:244:1::/64'});
    expect(
      decideIpam({node: node('a', (n) => (n.spec.podCIDR = 'x')), taken: new Set(), podCidr: '10.0.0.0/16'})
        .acts,
    ).toEqual([]);
  });

  it('collect pods of lost nodes after a while, and finished ones above the threshold', () => {
    const seen = {
      lost: [
        {pod: pod('a'), awayMs: 50_000},
        {pod: pod('b'), awayMs: 10_000},
      ],
      terminated: [pod('x'), pod('y')],
      threshold: 1,
    };
    const decision = decidePodGc(seen);
    expect(decision.acts.map((a) => [a.pod.metadata.name, a.orphaned])).toEqual([
      ['a', true],
      ['x', false],
    ]);
    expect(decision.againInMs).toBe(30_000);
  });

  it('publish what a namespace lacks and keep the authority current', () => {
    const namespace = {metadata: meta('ns')};
    expect(
      decidePublish({namespace, account: undefined, rootCa: undefined, caPem: 'A'}).acts.map((a) => a.type),
    ).toEqual(['createCa', 'account']);
    const rootCa: ConfigMap = {metadata: {...meta('m'), namespace: 'ns'}, data: {'ca.crt': 'B'}};
    const account = {metadata: {...meta('default'), namespace: 'ns'}};
    expect(decidePublish({namespace, account, rootCa, caPem: 'A'}).acts.map((a) => a.type)).toEqual([
      'updateCa',
    ]);
    expect(decidePublish({namespace, account, rootCa, caPem: 'B'}).acts).toEqual([]);
  });

  it('empty only a namespace that is leaving', () => {
    const leaving = {metadata: {...meta('n'), deletionTimestamp: at}, spec: {finalizers: ['kubernetes']}};
    expect(decideNamespace(leaving).acts).toHaveLength(1);
    expect(decideNamespace({...leaving, spec: {finalizers: []}}).acts).toEqual([]);
    expect(decideNamespace({metadata: meta('n'), spec: {finalizers: ['kubernetes']}}).acts).toEqual([]);
  });
});

describe('bootstrap tokens', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const token = (id: string, more: Record<string, string> = {}): Secret => ({
    metadata: {...meta(`bootstrap-token-${id}`), namespace: 'kube-system'},
    data: Object.fromEntries(
      Object.entries({
        'token-id': id,
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-signing': 'true',
        ...more,
      }).map(([k, v]) => [k, base64(v)]),
    ),
  });
  const clusterInfo: ConfigMap = {
    metadata: {...meta('cluster-info'), namespace: 'kube-public'},
    data: {kubeconfig: 'K', 'jws-kubeconfig-gone00': 'x'},
  };
  const keys = (secrets: Secret[]) => {
    const act = decideBootstrap({clusterInfo, secrets, nowMs}).acts.find((a) => a.type === 'sign');
    return act?.type === 'sign' ? Object.keys(act.data) : undefined;
  };

  it('sign for those that live, may sign, and are well formed', () => {
    expect(keys([token('abcdef')])).toEqual(['kubeconfig', 'jws-kubeconfig-abcdef']);
    expect(keys([token('abcdef', {'usage-bootstrap-signing': 'false'})])).toEqual(['kubeconfig']);
    expect(keys([token('ABCDEF')])).toEqual(['kubeconfig']);
    expect(keys([token('abcdef', {expiration: '2026-01-01T00:59:59Z'})])).toEqual(['kubeconfig']);
  });

  it('are deleted when they expire, and looked at again then', () => {
    const decide = (expiration: string) =>
      decideBootstrap({clusterInfo: undefined, secrets: [token('abcdef', {expiration})], nowMs});
    expect(decide('2026-01-01T00:59:59Z').acts.map((a) => a.type)).toEqual(['delete']);
    expect(decide('2026-01-01T01:00:05Z')).toEqual({acts: [], againInMs: 5_000});
    expect(decide('soon').acts.map((a) => a.type)).toEqual(['delete']);
  });
});

describe('certificate requests', () => {
  const request: CertificateRequest = {
    commonName: 'system:node:a',
    organizations: ['system:nodes'],
    dnsNames: [],
    ipAddresses: [],
    otherNames: [],
    publicKey: '',
  };
  type World = {
    csr: CertificateSigningRequest;
    request: CertificateRequest | undefined;
    node: CsrSeen['node'];
  };
  const decide = (change: (w: World) => void) => {
    const made: World = {
      csr: {
        metadata: meta('r', {creationTimestamp: '2026-01-01T00:59:00Z'}),
        spec: {
          request: '',
          signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
          usages: ['digital signature', 'client auth'],
          username: 'system:bootstrap:abcdef',
          groups: ['system:bootstrappers', 'system:bootstrappers:kubeadm:default-node-token'],
        },
      },
      request,
      node: undefined,
    };
    change(made);
    return decideCsr({...made, nowMs}).acts[0]?.type;
  };
  const serving = (names: Partial<CertificateRequest>) => (w: World) => {
    Object.assign(w.csr.spec, {
      signerName: 'kubernetes.io/kubelet-serving',
      usages: ['digital signature', 'server auth'],
      username: 'system:node:a',
      groups: ['system:nodes', 'system:authenticated'],
    });
    w.request = {...request, ...names};
    w.node = node(
      'a',
      (n) =>
        (n.status.addresses = [
          {type: 'InternalIP', address: '192.0.2.1'},
          {type: 'Hostname', address: 'a'},
        ]),
    );
  };
  const approved = (w: World) => (w.csr.status = {conditions: [{type: 'Approved', status: 'True'}]});

  it.each<[string, (w: World) => void, string | undefined]>([
    ['of a bootstrapping node', () => undefined, 'approve'],
    [
      'of the node itself',
      (w) => Object.assign(w.csr.spec, {username: 'system:node:a', groups: ['system:nodes']}),
      'approve',
    ],
    [
      'of another node',
      (w) => Object.assign(w.csr.spec, {username: 'system:node:b', groups: ['system:nodes']}),
      undefined,
    ],
    [
      'of anybody else',
      (w) => Object.assign(w.csr.spec, {username: 'eve', groups: ['system:authenticated']}),
      undefined,
    ],
    ['for another group', (w) => (w.request = {...request, organizations: ['system:masters']}), undefined],
    [
      'for two groups',
      (w) => (w.request = {...request, organizations: ['system:nodes', 'system:masters']}),
      undefined,
    ],
    ['with names', (w) => (w.request = {...request, dnsNames: ['a']}), undefined],
    ['with an e-mail address', (w) => (w.request = {...request, otherNames: ['a@b']}), undefined],
    [
      'for serving too',
      (w) => (w.csr.spec.usages = ['digital signature', 'client auth', 'server auth']),
      undefined,
    ],
    ['of another signer', (w) => (w.csr.spec.signerName = 'example.com/x'), undefined],
    ['that cannot be read', (w) => (w.request = undefined), undefined],
    [
      'approved but unreadable',
      (w) => {
        approved(w);
        w.request = undefined;
      },
      'fail',
    ],
    ['approved', approved, 'sign'],
    [
      'approved for what its signer refuses',
      (w) => {
        approved(w);
        w.request = {...request, organizations: []};
      },
      'fail',
    ],
    ['denied', (w) => (w.csr.status = {conditions: [{type: 'Denied', status: 'True'}]}), undefined],
    [
      'signed',
      (w) => (w.csr.status = {certificate: 'x', conditions: [{type: 'Approved', status: 'True'}]}),
      undefined,
    ],
    [
      'old and decided',
      (w) => {
        approved(w);
        w.csr.metadata.creationTimestamp = '2025-12-31T23:00:00Z';
      },
      'delete',
    ],
    ['serving its own addresses', serving({dnsNames: ['a'], ipAddresses: ['192.0.2.1']}), 'approve'],
    ['serving an address of another', serving({ipAddresses: ['192.0.2.2']}), undefined],
    ['serving no name', serving({}), undefined],
  ])('%s', (_, change, wanted) => expect(decide(change)).toBe(wanted));

  it('live as long as they ask, but not longer than a year or their authority', () => {
    const day = 86_400_000;
    expect(lifetimeMs(undefined, 0, 3650 * day)).toBe(365 * day);
    expect(lifetimeMs(3600, 0, 3650 * day)).toBe(3_600_000);
    expect(lifetimeMs(1, 0, 3650 * day)).toBe(600_000);
    expect(lifetimeMs(undefined, 0, day)).toBe(day);
  });
});
