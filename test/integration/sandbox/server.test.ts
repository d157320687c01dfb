import {readFileSync, statSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it, onTestFinished} from 'vitest';
import type {Credentials} from '../../../src/edges/kube/connection.ts';
import {connectKube, type KubeConnectionClient} from '../../../src/edges/kube/http-client.ts';
import {type Child, start} from '../../../src/edges/process/exec.ts';
import {createCa, generateKey, issueCertificate, publicKeyOf} from '../../../src/edges/trust/x509.ts';
import {
  configMaps,
  endpointSlices,
  namespaces,
  serviceAccounts,
  services,
} from '../../../src/lib/resources.ts';
import type {Sandbox} from '../../../src/sandbox/server.ts';
import {until} from '../support/wait.ts';
import {adminOf, startServer, temporaryDir} from './server.ts';

const dir = temporaryDir();
let sandbox: Sandbox;
let admin: KubeConnectionClient;

beforeAll(async () => {
  sandbox = await startServer(dir.path);
  admin = await adminOf(sandbox);
});
afterAll(async () => {
  await admin.close();
  await sandbox.close();
  dir.remove();
});

function as(credentials: Credentials): KubeConnectionClient {
  const client = connectKube({server: sandbox.url, ca: sandbox.ca.cert, credentials});
  onTestFinished(() => client.close());
  return client;
}

async function certificate(ca: {cert: string; key: string}, commonName: string, ...organizations: string[]) {
  const key = generateKey();
  const subject = {publicKey: publicKeyOf(key)};
  const usages = ['digital signature', 'client auth'] as const;
  const cert = await issueCertificate({ca, commonName, organizations, subject, usages, days: 1});
  return {kind: 'certificate', cert, key} as const;
}

type Who = {status: {userInfo: {username: string; groups: string[]}}};
const whoami = (client: KubeConnectionClient) =>
  client.request<Who>('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {});

describe('who a client is', () => {
  it('comes from its certificate', async () => {
    const client = as(await certificate(sandbox.ca, 'alice', 'devs', 'ops'));
    const {userInfo} = (await whoami(client)).status;
    expect(userInfo).toMatchObject({username: 'alice', groups: ['devs', 'ops', 'system:authenticated']});
  });

  it('comes from its service-account token, and ends with the account', async () => {
    await admin.create(serviceAccounts, {metadata: {name: 'robot', namespace: 'default'}});
    const made = await admin.request<{status: {token: string}}>(
      'POST',
      '/api/v1/namespaces/default/serviceaccounts/robot/token',
      {spec: {}},
    );
    const client = as({kind: 'token', token: made.status.token});
    expect((await whoami(client)).status.userInfo.username).toBe('system:serviceaccount:default:robot');
    await admin.delete(serviceAccounts, {namespace: 'default', name: 'robot'});
    await expect(whoami(client)).rejects.toMatchObject({httpCode: 401});
  });

  it('is nobody without either, and refused with a foreign certificate or token', async () => {
    await expect(as({kind: 'anonymous'}).list(configMaps)).rejects.toMatchObject({httpCode: 403});
    expect(await as({kind: 'anonymous'}).request('GET', '/version')).toMatchObject({gitVersion: 'v1.36.0'});
    const foreign = await certificate(await createCa('other', 1), 'mallory', 'system:masters');
    await expect(as(foreign).list(configMaps)).rejects.toMatchObject({httpCode: 401});
    await expect(as({kind: 'token', token: 'nonsense'}).list(configMaps)).rejects.toMatchObject({
      httpCode: 401,
    });
  });
});

describe('what is written to disk', () => {
  it('is the administrator’s alone', () => {
    const {adminKubeconfig, caKey, serviceAccountKey} = sandbox.files;
    for (const file of [adminKubeconfig, caKey, serviceAccountKey])
      expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('survives kill -9, each answered write of it', async () => {
    const own = temporaryDir();
    onTestFinished(() => own.remove());
    const first = await serve(own.path, 0);
    const client = await adminOf(first.sandbox);
    const answered: string[] = [];
    const writing = (async () => {
      for (let i = 0; ; i++) {
        await client.create(configMaps, {metadata: {name: `m${i}`, namespace: 'default'}});
        answered.push(`m${i}`);
      }
    })().catch(() => undefined);
    await until('a hundred writes', () => answered.length > 100);
    first.child.kill('SIGKILL');
    await writing;
    await client.close();
    const second = await serve(own.path, 0);
    const again = await adminOf(second.sandbox);
    onTestFinished(() => again.close());
    const {items} = await again.list(configMaps, {namespace: 'default'});
    expect(items.map((item) => item.metadata.name)).toEqual(expect.arrayContaining(answered));
    const made = await again.create(configMaps, {metadata: {name: 'after', namespace: 'default'}});
    const newest = Math.max(...items.map((item) => Number(item.metadata.resourceVersion)));
    expect(Number(made.metadata.resourceVersion)).toBeGreaterThan(newest);
  });

  it('keeps its authority over a restart, and a certificate for the address of the day', async () => {
    const own = temporaryDir();
    onTestFinished(() => own.remove());
    const first = await startServer(own.path);
    await first.close();
    const second = await startServer(own.path, {address: '127.0.0.2'});
    onTestFinished(() => second.close());
    expect(second.ca).toEqual(first.ca);
    expect(second.url).toContain('127.0.0.2');
    const client = await adminOf(second);
    onTestFinished(() => client.close());
    expect(await client.get(namespaces, {name: 'default'})).toBeDefined();
  });
});

it('names the process that holds its port', async () => {
  const own = temporaryDir();
  onTestFinished(() => own.remove());
  const message = expect.stringContaining(`process ${process.pid}`);
  await expect(startServer(own.path, {port: sandbox.port})).rejects.toMatchObject({code: 'ND601', message});
});

it('holds 10,000 Services and as many EndpointSlices, and tells every watcher of every change', async () => {
  const own = temporaryDir();
  onTestFinished(() => own.remove());
  const {sandbox: big} = await serve(own.path, 0);
  const client = await adminOf(big);
  onTestFinished(() => client.close());
  const count = 10_000;
  await many(count, (i) =>
    client.create(services, {
      metadata: {name: `s${i}`, namespace: 'default'},
      spec: {ports: [{name: 'http', port: 80}]},
    }),
  );
  await many(count, (i) =>
    client.create(endpointSlices, {
      metadata: {name: `s${i}`, namespace: 'default', labels: {'kubernetes.io/service-name': `s${i}`}},
      addressType: 'IPv4',
      ports: [{name: 'http', port: 80, protocol: 'TCP'}],
      endpoints: [{addresses: ['10.200.0.1']}, {addresses: ['10.200.0.2']}],
    }),
  );

  const {resourceVersion} = await client.list(endpointSlices, {limit: 1});
  const abort = new AbortController();
  let seen = 0;
  const watchers = [0, 1, 2].map(async () => {
    for await (const event of client.watch(endpointSlices, {resourceVersion}, abort.signal))
      if (event.type === 'MODIFIED') seen++;
  });
  const changes = 3000;
  await many(changes, (i) =>
    client.patch(
      endpointSlices,
      {namespace: 'default', name: `s${i}`},
      {type: 'merge', body: {metadata: {annotations: {changed: 'yes'}}}},
    ),
  );
  await until('every watcher saw every change', () => seen === changes * watchers.length);
  abort.abort();
  await Promise.allSettled(watchers);
  expect(seen).toBe(changes * watchers.length);
});

async function many(count: number, act: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({length: 8}, lane));
}

/** A server in a process of its own; ended with the test. */
async function serve(stateDir: string, port: number): Promise<{child: Child; sandbox: Sandbox}> {
  const script = new URL('./serve.ts', import.meta.url).pathname;
  const child = start(process.execPath, [script, stateDir, String(port)]);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let out = '';
  child.stdout.on('data', (bytes) => {
    out += bytes;
  });
  const url = await until('the server is up', () => /^https:\S+/m.exec(out)?.[0]);
  const files = {
    adminKubeconfig: `${stateDir}/admin.conf`,
    caCert: `${stateDir}/pki/ca.crt`,
    caKey: `${stateDir}/pki/ca.key`,
    serviceAccountKey: `${stateDir}/pki/sa.key`,
  };
  const ca = {cert: readFileSync(files.caCert, 'utf8'), key: readFileSync(files.caKey, 'utf8')};
  const outside = {client: admin, close: async () => void child.kill('SIGKILL')};
  return {child, sandbox: {...outside, url, port: Number(new URL(url).port), files, ca}};
}
