import {mkdtemp, readdir, readFile, readlink, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {kubeconfigText} from '../../../../src/config/kubeconfig.ts';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {realClock} from '../../../../src/edges/clock.ts';
import {openCertificateStore, splitPem} from '../../../../src/edges/trust/certificate-store.ts';
import {
  createCa,
  createSelfSigned,
  generateKey,
  issueCertificate,
  publicKeyOf,
} from '../../../../src/edges/trust/x509.ts';
import {nodeConnection} from '../../../../src/kubelet/certificates/credentials.ts';
import {requestName, requestState} from '../../../../src/kubelet/certificates/request.ts';
import {decideRotation} from '../../../../src/kubelet/certificates/rotation.ts';
import {servingNames} from '../../../../src/kubelet/certificates/serving.ts';
import {covers, leafFacts, rotateAtMs} from '../../../../src/kubelet/certificates/validity.ts';
import type {CertificateSigningRequest} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';

const day = 86_400_000;

async function issue(over: {days?: number; ips?: string[]; dns?: string[]} = {}) {
  const ca = await createCa('ca', 365);
  const key = generateKey();
  const cert = await issueCertificate({
    ca,
    commonName: 'system:node:n1',
    organizations: ['system:nodes'],
    dnsNames: over.dns ?? [],
    ipAddresses: over.ips ?? [],
    subject: {publicKey: publicKeyOf(key)},
    usages: ['digital signature', 'client auth'],
    notBefore: new Date(0),
    days: over.days ?? 100,
  });
  return {cert, key};
}

describe('rotation', () => {
  const wanted = {commonName: 'system:node:n1', organizations: ['system:nodes']};

  it('waits for 70 to 90 per cent of the life', () => {
    expect(rotateAtMs({notBeforeMs: 0, notAfterMs: 100}, 0)).toBeCloseTo(70);
    expect(rotateAtMs({notBeforeMs: 0, notAfterMs: 100}, 0.999)).toBeLessThan(90);
  });

  it('requests when there is none, it is due, expired, unreadable, or names are missing', async () => {
    const current = await issue({ips: ['10.0.0.5', 'fd00::5'], dns: ['n1']});
    const decide = (nowMs: number, over: object = {}) =>
      decideRotation({nowMs, current, wanted, random: 0.5, ...over}).act;
    expect(decide(79 * day)).toBe('keep');
    expect(decide(80 * day)).toBe('request');
    expect(decide(101 * day)).toBe('request');
    expect(decide(1, {current: undefined})).toBe('request');
    expect(decide(1, {current: {...current, key: generateKey()}})).toBe('request');
    expect(decide(1, {wanted: {...wanted, ipAddresses: ['10.0.0.5', 'fd00:0::5'], dnsNames: ['n1']}})).toBe(
      'keep',
    );
    expect(decide(1, {wanted: {...wanted, ipAddresses: ['10.0.0.6']}})).toBe('request');
    expect(decide(1, {current: undefined, wanted: undefined})).toBe('keep');
  });

  it('looks again at the latest after a minute, and never spins', async () => {
    const current = await issue();
    expect(decideRotation({nowMs: 1, current, wanted, random: 0}).againInMs).toBe(60_000);
    expect(decideRotation({nowMs: 70 * day - 5, current, wanted, random: 0}).againInMs).toBe(1_000);
  });

  /** By meaning client-go's TestCertSatisfiesTemplate; other rows are above. */
  it.each([
    ['another name', {commonName: 'system:node:n2'}, 'request'],
    ['a group more', {organizations: ['system:nodes', 'foobar']}, 'request'],
    ['a group less', {organizations: []}, 'keep'],
    ['a DNS name more', {dnsNames: ['n1', 'n2']}, 'request'],
    ['a DNS name less', {dnsNames: []}, 'keep'],
    ['an address less', {ipAddresses: []}, 'keep'],
  ])('looks at whom the certificate is for: %s', async (_, over, act) => {
    const current = await issue({ips: ['10.0.0.5'], dns: ['n1']});
    const all = {...wanted, dnsNames: ['n1'], ipAddresses: ['10.0.0.5']};
    expect(decideRotation({nowMs: 1, current, wanted: {...all, ...over}, random: 0}).act).toBe(act);
  });

  it('compares addresses by their meaning', async () => {
    const pair = await createSelfSigned({commonName: 'n1', ipAddresses: ['fd00::5'], days: 1});
    const facts = leafFacts(pair);
    expect(facts && covers(facts, {dnsNames: [], ipAddresses: ['FD00:0:0::5']})).toBe(true);
    expect(facts && covers(facts, {dnsNames: [], ipAddresses: ['fd00::6']})).toBe(false);
  });
});

describe('requests', () => {
  const request = {
    key: generateKey(),
    commonName: 'system:node:n1',
    organizations: ['system:nodes'],
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['digital signature', 'client auth'] as const,
  };
  it('have one name for one key and one subject', () => {
    expect(requestName(request)).toBe(requestName({...request}));
    expect(requestName(request)).toMatch(/^node-csr-[0-9a-f]{40}$/);
    expect(requestName({...request, commonName: 'system:node:n2'})).not.toBe(requestName(request));
    expect(requestName({...request, key: generateKey()})).not.toBe(requestName(request));
  });

  const csr = (status: CertificateSigningRequest['status']): CertificateSigningRequest => ({
    metadata: {name: 'r', uid: 'u', resourceVersion: '1'},
    spec: {request: '', signerName: ''},
    ...(status === undefined ? {} : {status}),
  });
  it.each([
    [undefined, 'pending'],
    [{conditions: [{type: 'Approved', status: 'True'}]}, 'pending'],
    [{conditions: [{type: 'Approved', status: 'True'}], certificate: 'eA=='}, 'issued'],
    [{conditions: [{type: 'Denied', status: 'True', message: 'no'}]}, 'refused'],
    [
      {
        conditions: [
          {type: 'Approved', status: 'True'},
          {type: 'Failed', status: 'True'},
        ],
      },
      'refused',
    ],
  ])('%j is %s', (status, state) => expect(requestState(csr(status)).state).toBe(state));
});

describe('the store', () => {
  let dir = '';
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nodectl-certificates-'));
  });
  afterEach(() => rm(dir, {recursive: true, force: true}));

  it('keeps the pending key until the certificate is stored, then links to it', async () => {
    const store = openCertificateStore(join(dir, 'pki'), 'kubelet-client');
    expect(await store.current()).toBeUndefined();
    const key = await store.pendingKey();
    expect(await store.pendingKey()).toBe(key);
    const {cert} = await issue();
    await store.update({cert, key}, new Date('2026-11-21T01:02:03Z'));
    expect(await readlink(store.currentPath)).toBe(
      join(dir, 'pki', 'kubelet-client-2026-11-21-01-02-03.pem'),
    );
    expect(await readdir(join(dir, 'pki'))).toEqual([
      'kubelet-client-2026-11-21-01-02-03.pem',
      'kubelet-client-current.pem',
    ]);
    expect((await stat(store.currentPath)).mode & 0o777).toBe(0o600);
    expect((await store.current())?.key.trim()).toBe(key.trim());
    expect(await store.pendingKey()).not.toBe(key);
    expect(splitPem(await readFile(store.currentPath, 'utf8'))?.cert.trim()).toBe(cert.trim());
  });

  it('gets what kubeadm init wrote into kubelet.conf, and wins once that was renewed', async () => {
    const [first, second] = [await issue({days: 100}), await issue({days: 200})];
    const kubeconfig = join(dir, 'kubelet.conf');
    const of = {server: 'https://10.0.0.1:6443', caData: 'CA', certData: first.cert, keyData: first.key};
    await writeFile(kubeconfig, kubeconfigText(of));
    const text =
      'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nrotateCertificates: true\n';
    const flags = {kubeconfig, certDir: dir};
    const {config} = loadKubeletConfig([{path: 'config.yaml', text}], flags, 'n1');
    const keyAt = async (nowMs: number) => {
      const clock = {...realClock, now: () => nowMs};
      const connection = await nodeConnection({config, clock, log: silent, signal: AbortSignal.any([])});
      return connection?.credentials.kind === 'certificate' ? connection.credentials.key.trim() : undefined;
    };
    const store = openCertificateStore(dir, 'kubelet-client');
    expect(await keyAt(day)).toBe(first.key.trim());
    expect((await store.current())?.key.trim()).toBe(first.key.trim());
    await store.update(second, new Date(80 * day));
    expect(await keyAt(81 * day)).toBe(second.key.trim());
    // What is in kubelet.conf has expired by now.
    expect(await keyAt(150 * day)).toBe(second.key.trim());
    await expect(keyAt(250 * day)).rejects.toThrow(/expired/);
  });

  it('takes a cut file for none', () => {
    expect(splitPem('-----BEGIN CERTIFICATE-----\nabc')).toBeUndefined();
    expect(splitPem('')).toBeUndefined();
  });
});

describe('names and files', () => {
  it('asks for every address of the node', () => {
    expect(
      servingNames({nodeName: 'n1', featureGates: {}}, [
        {type: 'InternalIP', address: 'fd00::5'},
        {type: 'InternalIP', address: '10.0.0.5'},
        {type: 'Hostname', address: 'n1'},
        {type: 'InternalDNS', address: 'n1'},
      ]),
    ).toEqual({
      commonName: 'system:node:n1',
      organizations: ['system:nodes'],
      dnsNames: ['n1'],
      ipAddresses: ['10.0.0.5', 'fd00::5'],
    });
    const onlyName = [{type: 'Hostname', address: 'n1'}];
    expect(servingNames({nodeName: 'n1', featureGates: {}}, onlyName)).toBeUndefined();
    const featureGates = {AllowDNSOnlyNodeCSR: true};
    expect(servingNames({nodeName: 'n1', featureGates}, onlyName)).toMatchObject({dnsNames: ['n1']});
    expect(servingNames({nodeName: 'n1', featureGates: {}}, [])).toBeUndefined();
  });
});

/** By meaning pkg/kubelet/certificate/kubelet_test.go, TestAddressesToHostnamesAndIPs. */
it.each<[string, [type: string, address: string][], string[], string[]]>([
  ['nothing', [], [], []],
  ['an empty name', [['Hostname', '']], [], []],
  [
    'addresses that are none',
    [
      ['InternalIP', '1.2'],
      ['ExternalIP', '3.4'],
    ],
    [],
    [],
  ],
  [
    'all twice',
    [
      ['Hostname', 'hostname'],
      ['ExternalDNS', 'hostname'],
      ['InternalDNS', 'hostname'],
      ['InternalIP', '1.1.1.1'],
      ['ExternalIP', '1.1.1.1'],
    ],
    ['hostname'],
    ['1.1.1.1'],
  ],
  [
    'in their order',
    [
      ['Hostname', 'hostname-2'],
      ['ExternalDNS', 'hostname-1'],
      ['InternalDNS', 'hostname-3'],
      ['InternalIP', '2.2.2.2'],
      ['ExternalIP', '1.1.1.1'],
      ['InternalIP', '3.3.3.3'],
    ],
    ['hostname-1', 'hostname-2', 'hostname-3'],
    ['1.1.1.1', '2.2.2.2', '3.3.3.3'],
  ],
  [
    'a host name that is an address',
    [
      ['Hostname', 'hostname'],
      ['Hostname', '1.1.1.1'],
    ],
    ['hostname'],
    ['1.1.1.1'],
  ],
])('a serving certificate is for %s', (_, given, dnsNames, ipAddresses) => {
  const addresses = given.map(([type, address]) => ({type, address}));
  const config = {nodeName: 'n1', featureGates: {AllowDNSOnlyNodeCSR: true}};
  const names = servingNames(config, addresses);
  expect([names?.dnsNames ?? [], names?.ipAddresses ?? []]).toEqual([dnsNames, ipAddresses]);
});
