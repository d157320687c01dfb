import {createHmac, X509Certificate} from 'node:crypto';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {createCsr, generateKey} from '../../../src/edges/trust/x509.ts';
import {
  certificateSigningRequests,
  configMaps,
  events,
  nodes,
  pods,
  secrets,
} from '../../../src/lib/resources.ts';
import {type Cluster, eventually, type FakeNode, startCluster, startFakeNode} from './cluster.ts';

let cluster: Cluster;
let node: FakeNode;
const namespace = 'default';

beforeAll(async () => {
  cluster = await startCluster({nodeMonitorGracePeriodMs: 1_000});
  node = await startFakeNode(cluster.client, 'node-a');
});

afterAll(async () => {
  await node?.stop();
  await cluster?.stop();
});

const base64 = (text: string) => Buffer.from(text).toString('base64');

function tokenSecret(id: string, expiration: string) {
  const data = {
    'token-id': base64(id),
    'token-secret': base64('0123456789abcdef'),
    'usage-bootstrap-authentication': base64('true'),
    'usage-bootstrap-signing': base64('true'),
    'auth-extra-groups': base64('system:bootstrappers:kubeadm:default-node-token'),
    expiration: base64(expiration),
  };
  return {
    metadata: {name: `bootstrap-token-${id}`, namespace: 'kube-system'},
    type: 'bootstrap.kubernetes.io/token',
    data,
  };
}

describe('tokens and certificates', () => {
  const info = () => cluster.client.get(configMaps, {namespace: 'kube-public', name: 'cluster-info'});

  it('signs cluster-info for live tokens, as kubeadm checks it, and removes expired ones', async () => {
    const {client} = cluster;
    const soon = new Date(Date.now() + 1_500).toISOString();
    await client.create(secrets, tokenSecret('abcdef', soon), {namespace: 'kube-system'});
    const {data} = await eventually(info, (map) => map.data?.['jws-kubeconfig-abcdef'] !== undefined);
    const [header = '', payload, signature] = (data?.['jws-kubeconfig-abcdef'] ?? '').split('.');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({alg: 'HS256', kid: 'abcdef'});
    expect(payload).toBe('');
    const content = Buffer.from(data?.kubeconfig ?? '').toString('base64url');
    expect(signature).toBe(
      createHmac('sha256', '0123456789abcdef').update(`${header}.${content}`).digest('base64url'),
    );
    await eventually(info, (map) => map.data?.['jws-kubeconfig-abcdef'] === undefined);
    await eventually(
      () => client.list(secrets, {namespace: 'kube-system'}),
      ({items}) => !items.some((s) => s.metadata.name === 'bootstrap-token-abcdef'),
    );
  });

  it('signs an approved client request for as long as it asks, and never a node request from anybody', async () => {
    const {client, caPem} = cluster;
    const request = await createCsr({
      key: generateKey(),
      commonName: 'system:node:node-x',
      organizations: ['system:nodes'],
    });
    const spec = {
      request: base64(request),
      usages: ['digital signature', 'client auth'],
      expirationSeconds: 3600,
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    };
    await client.create(certificateSigningRequests, {metadata: {name: 'by-admin'}, spec});
    const csr = await client.get(certificateSigningRequests, {name: 'by-admin'});
    expect(csr.spec.username).toBe('system:apiserver');
    expect(csr.status?.conditions).toBeUndefined();
    const conditions = [{type: 'Approved', status: 'True', reason: 'ByTest', message: 'x'}];
    await client.update(certificateSigningRequests, {...csr, status: {conditions}}, 'approval');
    const signed = await eventually(
      () => client.get(certificateSigningRequests, {name: 'by-admin'}),
      (c) => c.status?.certificate !== undefined,
    );
    const certificate = new X509Certificate(Buffer.from(signed.status?.certificate ?? '', 'base64'));
    expect(certificate.verify(new X509Certificate(caPem).publicKey)).toBe(true);
    expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:node-x');
    const endsInS = (Date.parse(certificate.validTo) - Date.now()) / 1000;
    expect(endsInS).toBeGreaterThan(3500);
    expect(endsInS).toBeLessThanOrEqual(3601);
  });

  it('says what is wrong with an approved request that its signer refuses', async () => {
    const {client} = cluster;
    const request = await createCsr({
      key: generateKey(),
      commonName: 'system:node:x',
      organizations: ['system:masters'],
    });
    const spec = {
      request: base64(request),
      usages: ['digital signature', 'client auth'],
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    };
    const csr = await client.create(certificateSigningRequests, {metadata: {name: 'bad'}, spec});
    await client.update(
      certificateSigningRequests,
      {...csr, status: {conditions: [{type: 'Approved', status: 'True', reason: 'ByTest'}]}},
      'approval',
    );
    const failed = await eventually(
      () => client.get(certificateSigningRequests, {name: 'bad'}),
      (c) => c.status?.conditions?.some((d) => d.type === 'Failed') === true,
    );
    expect(failed.status?.conditions?.find((c) => c.type === 'Failed')).toMatchObject({
      reason: 'SignerValidationFailure',
      message: 'subject organization is not system:nodes',
    });
    expect(failed.status?.certificate).toBeUndefined();
  });
});

describe('a node that goes silent', () => {
  it('becomes Unknown, is tainted, and loses the pods that do not wait for it', async () => {
    const {client} = cluster;
    const pod = (name: string, tolerationSeconds: number) => ({
      metadata: {name, namespace},
      spec: {
        containers: [{name: 'c', image: 'x'}],
        tolerations: [
          {key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds},
        ],
      },
    });
    await client.create(pods, pod('leaves', 1), {namespace});
    await client.create(pods, pod('waits', 300), {namespace});
    const running = async () => (await client.list(pods, {namespace})).items;
    await eventually(running, (list) => list.every((p) => p.status?.phase === 'Running'));
    node.silence();
    const lost = await eventually(
      () => client.get(nodes, {name: 'node-a'}),
      (n) => n.spec?.taints?.length === 2,
    );
    expect(lost.spec?.taints?.map((t) => `${t.key}:${t.effect}`).sort()).toEqual([
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/unreachable:NoSchedule',
    ]);
    expect(lost.status?.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
    });
    const after = await eventually(running, (list) =>
      list.some((p) => p.metadata.name === 'leaves' && p.metadata.deletionTimestamp !== undefined),
    );
    expect(
      after
        .find((p) => p.metadata.name === 'leaves')
        ?.status?.conditions?.find((c) => c.type === 'DisruptionTarget')?.reason,
    ).toBe('DeletionByTaintManager');
    const waits = after.find((p) => p.metadata.name === 'waits');
    expect(waits?.metadata.deletionTimestamp).toBeUndefined();
    expect(waits?.status?.conditions?.find((c) => c.type === 'Ready')?.status).toBe('False');
    await eventually(
      () => client.list(events, {}),
      ({items}) => items.some((e) => e.reason === 'TaintManagerEviction'),
    );
  });

  it('said nothing worth a warning', () => expect(cluster.warnings).toEqual([]));
});
