import {mkdtemp, readdir, readFile, readlink, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {kubeconfigText} from '../../../../src/config/kubeconfig.ts';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {realClock} from '../../../../src/edges/clock.ts';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {openCertificateStore, splitPem} from '../../../../src/edges/trust/certificate-store.ts';
import {
  createCa,
  createSelfSigned,
  generateKey,
  issueCertificate,
  publicKeyOf,
} from '../../../../src/edges/trust/x509.ts';
import {nodeConnection} from '../../../../src/kubelet/certificates/credentials.ts';
import {followKubeconfig} from '../../../../src/kubelet/certificates/follow.ts';
import {requestName, requestState} from '../../../../src/kubelet/certificates/request.ts';
import {decideRotation} from '../../../../src/kubelet/certificates/rotation.ts';
import {runServing, servingNames} from '../../../../src/kubelet/certificates/serving.ts';
import {covers, leafFacts, rotateAtMs} from '../../../../src/kubelet/certificates/validity.ts';
import type {CertificateSigningRequest} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import type {Clock} from '../../../../src/lib/time.ts';

const day = 86_400_000;

async function issue(over: {days?: number; ips?: string[]; dns?: string[]; name?: string} = {}) {
  const ca = await createCa('ca', 365);
  const key = generateKey();
  const cert = await issueCertificate({
    ca,
    commonName: over.name ?? 'system:node:n1',
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
    expect(decide(1, {forced: true})).toBe('request');
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

  async function kubelet(
    names: Pick<Parameters<typeof kubeconfigText>[0], 'certData' | 'keyData' | 'certFile' | 'keyFile'>,
    rotate = 'true',
  ) {
    const kubeconfig = join(dir, 'kubelet.conf');
    const of = {server: 'https://10.0.0.1:6443', caData: 'CA', ...names};
    await writeFile(kubeconfig, kubeconfigText(of));
    const text = `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nrotateCertificates: ${rotate}\n`;
    const {config} = loadKubeletConfig(
      [{path: 'config.yaml', text}],
      {kubeconfig, certDir: join(dir, 'pki')},
      'n1',
    );
    const at = (nowMs: number) => {
      const clock = {...realClock, now: () => nowMs};
      return nodeConnection({config, clock, log: silent, signal: AbortSignal.any([])});
    };
    const keyAt = async (nowMs: number) => {
      const connection = await at(nowMs);
      return connection?.credentials.kind === 'certificate' ? connection.credentials.key.trim() : undefined;
    };
    return {config, at, keyAt, store: openCertificateStore(config.certDir, 'kubelet-client')};
  }

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
    const {keyAt, store} = await kubelet({certData: first.cert, keyData: first.key});
    expect(await keyAt(day)).toBe(first.key.trim());
    expect((await store.current())?.key.trim()).toBe(first.key.trim());
    await store.update(second, new Date(80 * day));
    expect(await keyAt(81 * day)).toBe(second.key.trim());
    // What is in kubelet.conf has expired by now.
    expect(await keyAt(150 * day)).toBe(second.key.trim());
    await expect(keyAt(250 * day)).rejects.toThrow(/expired/);
  });

  it('counts before an embedded certificate that lasts longer or is of more power, while it is valid', async () => {
    const [embedded, renewed] = [await issue({days: 3650, name: 'kubernetes-admin'}), await issue()];
    const {keyAt, store, at} = await kubelet({certData: embedded.cert, keyData: embedded.key});
    // What only serves to come by another certificate says so, also when it has been stored meanwhile.
    for (const nowMs of [1, 2])
      expect((await at(nowMs))?.credentials).toMatchObject({kind: 'certificate', embedded: true});
    await store.update(renewed, new Date(day));
    expect(await keyAt(2 * day)).toBe(renewed.key.trim());
    expect((await at(2 * day))?.credentials).not.toHaveProperty('embedded');
    expect(await keyAt(101 * day)).toBe(embedded.key.trim());
    expect((await store.current())?.key.trim()).toBe(embedded.key.trim());
  });

  it('does not count when it is of another node', async () => {
    const [embedded, other] = [await issue(), await issue({days: 200, name: 'system:node:n2'})];
    const {keyAt, store} = await kubelet({certData: embedded.cert, keyData: embedded.key});
    await store.update(other, new Date(0));
    expect(await keyAt(day)).toBe(embedded.key.trim());
  });

  it('does not get what others keep in files', async () => {
    const {cert, key} = await issue();
    const [certFile, keyFile] = [join(dir, 'own.crt'), join(dir, 'own.key')];
    await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key)]);
    const {keyAt, store} = await kubelet({certFile, keyFile});
    expect(await keyAt(day)).toBe(key.trim());
    expect(await store.current()).toBeUndefined();
  });

  it('is left alone by a kubelet that does not rotate, which follows the files that others replace', async () => {
    const [first, second] = [await issue(), await issue({days: 200})];
    const [certFile, keyFile] = [join(dir, 'own.crt'), join(dir, 'own.key')];
    await Promise.all([writeFile(certFile, first.cert), writeFile(keyFile, first.key)]);
    const {config, at} = await kubelet({certFile, keyFile}, 'false');
    const credentials = (await at(1))?.credentials;
    if (credentials?.kind !== 'certificate') throw new Error('no certificate');
    const stop = new AbortController();
    const timers: (() => void)[] = [];
    const clock: Clock = {
      ...realClock,
      after(_, fn) {
        timers.push(fn);
        return () => undefined;
      },
    };
    const got: string[] = [];
    const done = followKubeconfig(
      {config, clock, log: silent},
      credentials,
      (next) => got.push(next.key),
      stop.signal,
    );
    const look = async () => {
      const before = timers.length;
      timers[before - 1]?.();
      await expect.poll(() => timers.length).toBe(before + 1);
    };
    await look();
    await writeFile(certFile, second.cert);
    await look();
    expect(got).toEqual([]);
    await writeFile(keyFile, second.key);
    await look();
    await look();
    expect(got).toEqual([second.key]);
    stop.abort();
    await done;
  });

  it('takes a cut file for none', () => {
    expect(splitPem('-----BEGIN CERTIFICATE-----\nabc')).toBeUndefined();
    expect(splitPem('')).toBeUndefined();
  });
});

describe('names and files', () => {
  it('serves with the files of the configuration until the cluster signs', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'nodectl-serving-'));
    const given = await createSelfSigned({commonName: 'n1', days: 1});
    const [certFile, keyFile] = [join(dir, 'tls.crt'), join(dir, 'tls.key')];
    await Promise.all([writeFile(certFile, given.cert), writeFile(keyFile, given.key)]);
    const fields = {serverTLSBootstrap: true, tlsCertFile: certFile, tlsPrivateKeyFile: keyFile};
    const text = JSON.stringify({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      ...fields,
    });
    const {config} = loadKubeletConfig([{path: 'config.yaml', text}], {certDir: join(dir, 'pki')}, 'n1');
    const stop = new AbortController();
    const asked = Promise.withResolvers<string>();
    // Nobody approves.
    const create = (_: object, {metadata}: {metadata: {name: string}}) => {
      asked.resolve(metadata.name);
      return new Promise((_resolve, reject) =>
        stop.signal.addEventListener('abort', () => reject(stop.signal.reason)),
      );
    };
    const served: string[] = [];
    const done = runServing(
      {
        config,
        client: {create} as unknown as KubeClient,
        clock: realClock,
        log: silent,
        addresses: () => [{type: 'InternalIP', address: '10.0.0.5'}],
        onCertificate: ({cert}) => served.push(cert),
        onFailed: () => undefined,
      },
      stop.signal,
    );
    expect(await asked.promise).toMatch(/^csr-/);
    expect(served).toEqual([given.cert]);
    stop.abort();
    await done;
    await rm(dir, {recursive: true});
  });

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
