import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type webcrypto,
  X509Certificate,
} from 'node:crypto';
import {isIP} from 'node:net';

/** A certificate authority: both PEM. */
export type Authority = {readonly cert: string; readonly key: string};

export type Names = {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
};

/** As certificates.k8s.io names them. */
export type KeyUsage = 'digital signature' | 'key encipherment' | 'client auth' | 'server auth';

export type IssueRequest = Names & {
  readonly ca: Authority;
  /** The subject's public key: PEM, or taken from a signed request. */
  readonly subject: {readonly publicKey: string} | {readonly csr: string};
  readonly usages: readonly KeyUsage[];
  readonly notBefore?: Date;
  readonly days: number;
};

export type CertificateRequest = Required<Names> & {
  /** Names of other kinds (e-mail, URI): no kubelet certificate may have them. */
  readonly otherNames: readonly string[];
  readonly publicKey: string;
};

const dayMs = 86_400_000;
/** Go's CSR and certificate tools allow for clocks that differ a little. */
const backdateMs = 5 * 60_000;

function library() {
  return import('./x509-library.ts');
}

/** A new ECDSA P-256 key as `EC PRIVATE KEY` PEM, the form that Kubernetes' kubelet writes. */
export function generateKey(): string {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: {type: 'sec1', format: 'pem'},
    publicKeyEncoding: {type: 'spki', format: 'pem'},
  }).privateKey;
}

export function publicKeyOf(privateKeyPem: string): string {
  return createPublicKey(createPrivateKey(privateKeyPem)).export({type: 'spki', format: 'pem'}).toString();
}

/** A PKCS#10 request, PEM, signed with `key`. */
export async function createCsr({key, ...names}: Names & {readonly key: string}): Promise<string> {
  const x509 = await library();
  const keys = await importKeys(key);
  const san = await alternativeNames(names);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: nameOf(names),
    keys,
    signingAlgorithm: keys.signing,
    extensions: san === undefined ? [] : [san],
  });
  return `${request.toString('pem')}\n`;
}

/**
 * What a PKCS#10 request asks for.
 * @throws when it cannot be read, or is not signed by the key that it names
 */
export async function readCsr(pem: string): Promise<CertificateRequest> {
  const x509 = await library();
  const request = new x509.Pkcs10CertificateRequest(pem);
  if (!(await request.verify())) throw new Error('the certificate request is not signed by its own key');
  const names =
    request.extensions.find((e) => e instanceof x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const ofType = (type: string): string[] => names.filter((n) => n.type === type).map((n) => n.value);
  return {
    commonName: request.subjectName.getField('CN')[0] ?? '',
    organizations: request.subjectName.getField('O'),
    dnsNames: ofType('dns'),
    ipAddresses: ofType('ip'),
    otherNames: names.filter((n) => n.type !== 'dns' && n.type !== 'ip').map((n) => n.value),
    publicKey: `${request.publicKey.toString('pem')}\n`,
  };
}

/** A new self-signed authority with kubeadm's usages. */
export async function createCa(commonName: string, days: number): Promise<Authority> {
  const x509 = await library();
  const key = generateKey();
  const keys = await importKeys(key);
  const {KeyUsageFlags} = x509;
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: nameOf({commonName}),
    keys,
    signingAlgorithm: keys.signing,
    ...validity(undefined, days),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment | KeyUsageFlags.keyCertSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.SubjectAlternativeNameExtension([{type: 'dns', value: commonName}]),
    ],
  });
  return {cert: `${cert.toString('pem')}\n`, key};
}

/** A certificate that `ca` signs; names and usages are the caller's, whatever a request asked for. */
export async function issueCertificate(request: IssueRequest): Promise<string> {
  const x509 = await library();
  const issuer = new x509.X509Certificate(request.ca.cert);
  const keys = await importKeys(request.ca.key);
  const subjectKey =
    'csr' in request.subject ? (await readCsr(request.subject.csr)).publicKey : request.subject.publicKey;
  const publicKey = await new x509.PublicKey(subjectKey).export();
  const san = await alternativeNames(request);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: nameOf(request),
    issuer: issuer.subject,
    publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: keys.signing,
    ...validity(request.notBefore, request.days),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...(await usageExtensions(request.usages)),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(san === undefined ? [] : [san]),
    ],
  });
  return `${cert.toString('pem')}\n`;
}

/** A serving certificate that vouches for itself, with its key. */
export async function createSelfSigned(names: Names & {readonly days: number}): Promise<Authority> {
  const ca = await createCa(`${names.commonName}-ca`, names.days);
  const key = generateKey();
  const usages: readonly KeyUsage[] = ['digital signature', 'key encipherment', 'server auth'];
  const cert = await issueCertificate({...names, ca, subject: {publicKey: publicKeyOf(key)}, usages});
  // The kubelet's own form: the leaf, then the authority that nobody else uses (client-go certutil).
  return {cert: cert + ca.cert, key};
}

/** kubeadm's discovery pin: SHA-256 over the certificate's SubjectPublicKeyInfo. */
export function spkiPin(certPem: string): string {
  const spki = new X509Certificate(certPem).publicKey.export({type: 'spki', format: 'der'});
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}

type Keys = {
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicKey: webcrypto.CryptoKey;
  readonly signing: {readonly name: string; readonly hash: string};
};

async function importKeys(pem: string): Promise<Keys> {
  const key = createPrivateKey(pem);
  const ec = key.asymmetricKeyType === 'ec';
  if (!ec && key.asymmetricKeyType !== 'rsa')
    throw new Error(`keys of type ${key.asymmetricKeyType} cannot sign`);
  const namedCurve = key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256';
  const algorithm = ec ? {name: 'ECDSA', namedCurve} : {name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256'};
  const spki = createPublicKey(key).export({type: 'spki', format: 'der'});
  const pkcs8 = key.export({type: 'pkcs8', format: 'der'});
  return {
    privateKey: await crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), algorithm, true, ['sign']),
    publicKey: await crypto.subtle.importKey('spki', new Uint8Array(spki), algorithm, true, ['verify']),
    signing: {name: algorithm.name, hash: 'SHA-256'},
  };
}

/** Organizations before the common name, several of them in one set, as Go writes a pkix.Name. */
function nameOf({commonName, organizations = []}: Names): Record<string, string[]>[] {
  const parts: Record<string, string[]>[] = organizations.length === 0 ? [] : [{O: [...organizations]}];
  return commonName === '' ? parts : [...parts, {CN: [commonName]}];
}

async function alternativeNames({dnsNames = [], ipAddresses = []}: Partial<Names>) {
  const {SubjectAlternativeNameExtension} = await library();
  for (const address of ipAddresses)
    if (isIP(address) === 0) throw new Error(`${address} is not an IP address`);
  if (dnsNames.length + ipAddresses.length === 0) return undefined;
  return new SubjectAlternativeNameExtension([
    ...dnsNames.map((value) => ({type: 'dns' as const, value})),
    ...ipAddresses.map((value) => ({type: 'ip' as const, value})),
  ]);
}

async function usageExtensions(usages: readonly KeyUsage[]) {
  const {ExtendedKeyUsage, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension} = await library();
  const flags =
    (usages.includes('digital signature') ? KeyUsageFlags.digitalSignature : 0) |
    (usages.includes('key encipherment') ? KeyUsageFlags.keyEncipherment : 0);
  const extended = [
    ...(usages.includes('server auth') ? [ExtendedKeyUsage.serverAuth] : []),
    ...(usages.includes('client auth') ? [ExtendedKeyUsage.clientAuth] : []),
  ];
  return [
    new KeyUsagesExtension(flags, true),
    ...(extended.length === 0 ? [] : [new ExtendedKeyUsageExtension(extended)]),
  ];
}

function validity(notBefore: Date | undefined, days: number): {notBefore: Date; notAfter: Date} {
  const from = notBefore ?? new Date(Date.now() - backdateMs);
  return {notBefore: from, notAfter: new Date(from.getTime() + days * dayMs)};
}

/** Positive and unpredictable, as CAs must give them. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
