import {createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate} from 'node:crypto';
import {join} from 'node:path';
import {makeDirectory, readText, writeAtomic} from '../edges/files/files.ts';
import {
  type Authority,
  createCa,
  generateKey,
  issueCertificate,
  type KeyUsage,
  type Names,
  publicKeyOf,
} from '../edges/trust/x509.ts';
import {firstAddress} from './addresses.ts';
import type {SandboxFiles} from './options.ts';

export type Pki = {
  readonly ca: Authority;
  readonly serving: Authority;
  readonly admin: Authority;
  /** The API server's own client certificate for calls to kubelets. */
  readonly kubeletClient: Authority;
  /** RS256 key for service-account tokens, PEM. */
  readonly serviceAccountKey: string;
};

const caDays = 3650;
const leafDays = 365;
const renewBeforeMs = 60 * 86_400_000;
const dayMs = 86_400_000;

type Options = {
  readonly stateDir: string;
  readonly address: string;
  readonly serviceCidr: string;
  readonly clusterDomain: string;
  readonly nowMs: number;
};

export function filesOf(stateDir: string): SandboxFiles {
  const pki = join(stateDir, 'pki');
  return {
    adminKubeconfig: join(stateDir, 'admin.conf'),
    caCert: join(pki, 'ca.crt'),
    caKey: join(pki, 'ca.key'),
    serviceAccountKey: join(pki, 'sa.key'),
  };
}

/** Reads the sandbox's keys and certificates, making what is missing, near its end or for another address. */
export async function ensurePki(options: Options): Promise<Pki> {
  const dir = join(options.stateDir, 'pki');
  await makeDirectory(dir, 0o700);
  const ca = await ensureCa(dir, options.nowMs);
  const leaf = (name: string, names: Names, usage: KeyUsage) =>
    ensureLeaf({dir, name, names, usage, ca}, options.nowMs);
  return {
    ca,
    serving: await leaf('apiserver', servingNames(options), 'server auth'),
    admin: await leaf(
      'admin',
      {commonName: 'kubernetes-admin', organizations: ['system:masters']},
      'client auth',
    ),
    kubeletClient: await leaf(
      'apiserver-kubelet-client',
      {commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters']},
      'client auth',
    ),
    serviceAccountKey: await ensureServiceAccountKey(dir),
  };
}

function servingNames({address, serviceCidr, clusterDomain}: Options): Names {
  return {
    commonName: 'kube-apiserver',
    dnsNames: [
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      `kubernetes.default.svc.${clusterDomain}`,
    ],
    ipAddresses: [...new Set([address, '127.0.0.1', '::1', firstAddress(serviceCidr)])],
  };
}

async function ensureCa(dir: string, nowMs: number): Promise<Authority> {
  const known = await readPair(dir, 'ca');
  if (known !== undefined && Date.parse(new X509Certificate(known.cert).validTo) > nowMs + leafDays * dayMs)
    return known;
  const made = await createCa('kubernetes', caDays);
  await writePair(dir, 'ca', made);
  return made;
}

type Leaf = {dir: string; name: string; names: Names; usage: KeyUsage; ca: Authority};

async function ensureLeaf({dir, name, names, usage, ca}: Leaf, nowMs: number): Promise<Authority> {
  const known = await readPair(dir, name);
  if (known !== undefined && serves(new X509Certificate(known.cert), ca, names, nowMs)) return known;
  const key = generateKey();
  const cert = await issueCertificate({
    ...names,
    ca,
    subject: {publicKey: publicKeyOf(key)},
    usages: ['digital signature', usage],
    days: leafDays,
  });
  const made = {cert, key};
  await writePair(dir, name, made);
  return made;
}

/** Whether a certificate still fits: from this authority, not near its end, and for every name. */
function serves(cert: X509Certificate, ca: Authority, names: Names, nowMs: number): boolean {
  return (
    cert.verify(new X509Certificate(ca.cert).publicKey) &&
    Date.parse(cert.validTo) - nowMs > renewBeforeMs &&
    (names.ipAddresses ?? []).every((ip) => cert.checkIP(ip) !== undefined) &&
    (names.dnsNames ?? []).every((dns) => cert.checkHost(dns) !== undefined)
  );
}

async function ensureServiceAccountKey(dir: string): Promise<string> {
  const path = join(dir, 'sa.key');
  const known = await readText(path);
  if (known !== undefined) return known;
  const {privateKey} = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: {type: 'pkcs8', format: 'pem'},
    publicKeyEncoding: {type: 'spki', format: 'pem'},
  });
  await writeAtomic(path, privateKey, 0o600);
  const publicKey = createPublicKey(createPrivateKey(privateKey)).export({type: 'spki', format: 'pem'});
  await writeAtomic(join(dir, 'sa.pub'), publicKey.toString(), 0o644);
  return privateKey;
}

async function readPair(dir: string, name: string): Promise<Authority | undefined> {
  const [cert, key] = await Promise.all([
    readText(join(dir, `${name}.crt`)),
    readText(join(dir, `${name}.key`)),
  ]);
  return cert === undefined || key === undefined ? undefined : {cert, key};
}

/** The key first: a certificate without its key would be taken for a whole pair after a crash. */
async function writePair(dir: string, name: string, {cert, key}: Authority): Promise<void> {
  await writeAtomic(join(dir, `${name}.key`), key, 0o600);
  await writeAtomic(join(dir, `${name}.crt`), cert, 0o644);
}
