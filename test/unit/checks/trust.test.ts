import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {createServer, type Server} from 'node:https';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import {trustCluster} from '../../../src/checks/trust/cluster.ts';
import {joinOptions} from '../../../src/config/join.ts';
import {readDiscoveryFile} from '../../../src/edges/trust/discovery-file.ts';
import {
  type Authority,
  createCa,
  generateKey,
  issueCertificate,
  publicKeyOf,
} from '../../../src/edges/trust/x509.ts';

/** A cluster whose API server has a certificate of the machine’s own authorities, or of none that it knows. */
let directory: string;
let ca: Authority;
let other: Authority;
let server: Server;
let address: string;
/** What the server answers a read of cluster-info, by who asks. */
let clusterInfo: (authorization: string | undefined) => {status: number; body: string};
const asked: (string | undefined)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nodectl-trust-'));
  [ca, other] = [await createCa('kubernetes', 1), await createCa('another', 1)];
  const key = generateKey();
  const cert = await issueCertificate({
    ca,
    commonName: 'kube-apiserver',
    ipAddresses: ['127.0.0.1'],
    subject: {publicKey: publicKeyOf(key)},
    usages: ['digital signature', 'server auth'],
    days: 1,
  });
  await writeFile(join(directory, 'ca.crt'), ca.cert);
  await writeFile(join(directory, 'other.crt'), other.cert);
  server = createServer({cert, key}, ({url = '', headers}, response) => {
    if (!url.endsWith('/cluster-info')) return response.end('{}');
    asked.push(headers.authorization);
    const {status, body} = clusterInfo(headers.authorization);
    return response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = (server.address() as AddressInfo).port;
  address = `https://127.0.0.1:${port}`;
});
afterEach(() => {
  vi.unstubAllEnvs();
  asked.length = 0;
});
afterAll(async () => {
  server.close();
  await rm(directory, {recursive: true});
});

const encoded = (text: string): string => Buffer.from(text).toString('base64');
const info = (kubeconfig: string) => JSON.stringify({kind: 'ConfigMap', data: {kubeconfig}});
const cluster = (of: string, pem: string): string =>
  `clusters: [{name: "", cluster: {server: "${of}", certificate-authority-data: ${encoded(pem)}}}]\n`;
const token = 'abcdef.0123456789abcdef';

/** Joins by a kubeconfig whose cluster has these fields. */
async function trust(fields = '', user = `{token: ${token}}`) {
  const path = join(directory, 'discovery.conf');
  await writeFile(
    path,
    `current-context: c
contexts: [{name: z, context: {cluster: gone, user: gone}}, {name: c, context: {cluster: k, user: u}}]
clusters: [{name: z, cluster: {server: "https://192.0.2.1"}}, {name: k, cluster: {server: "${address}"${fields}}}]
users: [{name: u, user: ${user}}]
`,
  );
  const discoveryFile = await readDiscoveryFile(path);
  const options = joinOptions({discoveryFile, tlsBootstrapToken: token, hostname: 'worker', arch: 'x64'});
  return trustCluster(options, new AbortController().signal);
}

/** kubeadm's file discovery (cmd/kubeadm/app/discovery/file), by meaning. */
describe('a discovery file without a CA', () => {
  it('takes that of cluster-info from a server for which this machine’s authorities vouch', async () => {
    vi.stubEnv('SSL_CERT_FILE', join(directory, 'ca.crt'));
    // Its server counts, not the one of cluster-info, which kubeadm only tells.
    clusterInfo = () => ({status: 200, body: info(cluster('https://192.0.2.9:6443', ca.cert))});
    expect(await trust()).toEqual({server: address, ca: ca.cert, findings: []});
    expect(asked).toEqual([undefined]);
  });

  it('finds authorities in the directories of SSL_CERT_DIR, as programs written in Go do', async () => {
    vi.stubEnv('SSL_CERT_FILE', join(directory, 'other.crt'));
    vi.stubEnv('SSL_CERT_DIR', `${join(directory, 'absent')}:${directory}`);
    clusterInfo = () => ({status: 200, body: info(cluster(address, ca.cert))});
    expect((await trust()).ca).toBe(ca.cert);
  });

  it.each([401, 403])('asks as its user where anonymous readers get %i', async (status) => {
    vi.stubEnv('SSL_CERT_FILE', join(directory, 'ca.crt'));
    clusterInfo = (who) =>
      who === undefined ? {status, body: '{}'} : {status: 200, body: info(cluster(address, ca.cert))};
    expect((await trust()).ca).toBe(ca.cert);
    expect(asked).toEqual([undefined, `Bearer ${token}`]);
  });

  it('gives nothing to a server for which nobody vouches, and asks it nothing', async () => {
    vi.stubEnv('SSL_CERT_FILE', join(directory, 'other.crt'));
    clusterInfo = () => ({status: 200, body: info(cluster(address, ca.cert))});
    await expect(trust()).rejects.toMatchObject({
      code: 'ND411',
      message: expect.stringMatching(
        /no certificate-authority, and this machine’s own authorities do not vouch/,
      ),
    });
    expect(asked).toEqual([]);
  });

  it.each([
    ['nobody may read', 403, '{}', 'ND411', /answers 403/],
    ['is not there', 404, '{}', 'ND411', /answers 404/],
    ['is none', 200, info(''), 'ND411', /has none either/],
    [
      'has no CA either',
      200,
      info('clusters: [{name: "", cluster: {server: "https://a"}}]'),
      'ND411',
      /has none/,
    ],
    ['has a CA that is none', 200, info(cluster('https://a', 'foo')), 'ND411', /no certificate/],
  ])('is of no use where cluster-info %s', async (_, status, body, code, message) => {
    vi.stubEnv('SSL_CERT_FILE', join(directory, 'ca.crt'));
    clusterInfo = () => ({status, body});
    await expect(trust()).rejects.toMatchObject({code, message: expect.stringMatching(message)});
  });

  it('is refused where the CA of cluster-info is not the one of the server', async () => {
    vi.stubEnv('SSL_CERT_FILE', join(directory, 'ca.crt'));
    clusterInfo = () => ({status: 200, body: info(cluster(address, other.cert))});
    await expect(trust()).rejects.toMatchObject({code: 'ND407'});
  });
});

describe('a discovery file', () => {
  it('may name its CA by a path beside itself', async () => {
    expect((await trust(', certificate-authority: ca.crt')).ca).toBe(ca.cert);
  });

  it.each([
    ['a CA that is another', () => `, certificate-authority-data: ${encoded(other.cert)}`, 'ND407'],
    ['a CA that is none', () => `, certificate-authority-data: ${encoded('foo')}`, 'ND411'],
    [
      'a CA that is damaged',
      () => `, certificate-authority-data: ${encoded(ca.cert.replace(/MI/, '*'))}`,
      'ND411',
    ],
    ['a CA file that is gone', () => ', certificate-authority: gone.crt', 'ND303'],
    ['TLS that is not verified', () => ', insecure-skip-tls-verify: true', 'ND411'],
  ])('with %s is refused', async (_, fields, code) => {
    await expect(trust(fields())).rejects.toMatchObject({code});
  });

  it.each(['http://127.0.0.1:1', '127.0.0.1:6443', 'kubernetes'])(
    'with the server %s is refused',
    async (url) => {
      const path = join(directory, 'plain.conf');
      await writeFile(path, cluster(url, ca.cert));
      await expect(readDiscoveryFile(path)).rejects.toMatchObject({code: 'ND411'});
    },
  );
});

/** kubeadm's token discovery (cmd/kubeadm/app/discovery/token), by meaning, with a signature that is no matter here. */
describe('cluster-info', () => {
  const input = () => ({endpoint: new URL(address).host, token, hostname: 'worker', arch: 'x64'});
  it('with another signature is not trusted', async () => {
    clusterInfo = () => ({
      status: 200,
      body: JSON.stringify({kind: 'ConfigMap', data: {kubeconfig: 'foo', 'jws-kubeconfig-abcdef': 'bar'}}),
    });
    const options = joinOptions({...input(), unsafeSkipCaVerification: true});
    await expect(trustCluster(options, new AbortController().signal)).rejects.toMatchObject({code: 'ND403'});
  });
});
