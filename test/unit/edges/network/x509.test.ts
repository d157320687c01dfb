import {execFileSync} from 'node:child_process';
import {X509Certificate} from 'node:crypto';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {
  type Authority,
  createCa,
  createCsr,
  createSelfSigned,
  generateKey,
  issueCertificate,
  publicKeyOf,
  readCsr,
  spkiPin,
} from '../../../../src/edges/trust/x509.ts';

let directory = '';
let ca: Authority;
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};
const openssl = (...args: string[]): string =>
  execFileSync('openssl', args, {encoding: 'utf8', stdio: 'pipe'});

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'x509-'));
  ca = await createCa('kubernetes', 3650);
});
afterAll(() => rmSync(directory, {recursive: true}));

describe('certificates', () => {
  it('writes keys as the kubelet does', () => expect(generateKey()).toContain('BEGIN EC PRIVATE KEY'));

  it('makes requests that openssl accepts', async () => {
    const csr = await createCsr({
      key: generateKey(),
      commonName: 'system:node:a',
      organizations: ['system:nodes'],
      dnsNames: ['a.example'],
      ipAddresses: ['10.0.0.1', 'fd00::1'],
    });
    const text = openssl(
      'req',
      '-in',
      file('a.csr', csr),
      '-noout',
      '-text',
      '-verify',
      '-nameopt',
      'RFC2253',
    );
    expect(text).toContain('Subject: CN=system:node:a,O=system:nodes');
    expect(text).toContain('DNS:a.example, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1');
    expect(await readCsr(csr)).toMatchObject({
      commonName: 'system:node:a',
      organizations: ['system:nodes'],
      dnsNames: ['a.example'],
      ipAddresses: ['10.0.0.1', 'fd00::1'],
      otherNames: [],
    });
  });

  it('reads what openssl requests, names of other kinds included', async () => {
    const key = file('o.key', generateKey());
    const args = [
      'req',
      '-new',
      '-key',
      key,
      '-subj',
      '/O=one/O=two/CN=x',
      '-addext',
      'subjectAltName=email:a@b.c',
    ];
    expect(await readCsr(openssl(...args))).toMatchObject({
      commonName: 'x',
      organizations: ['one', 'two'],
      otherNames: ['a@b.c'],
    });
  });

  it('refuses a request that was changed after it was signed', async () => {
    const csr = await createCsr({key: generateKey(), commonName: 'system:node:a'});
    const der = Buffer.from(csr.replace(/-----.*-----|\s/g, ''), 'base64');
    der.write('b', der.indexOf('system:node:a') + 12);
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    await expect(readCsr(forged)).rejects.toThrow('not signed by its own key');
  });

  it('issues chains that openssl verifies for their purpose', async () => {
    const csr = await createCsr({key: generateKey(), commonName: 'ignored'});
    const cert = await issueCertificate({
      ca,
      subject: {csr},
      commonName: 'system:node:a',
      organizations: ['system:nodes', 'extra'],
      usages: ['digital signature', 'client auth'],
      days: 1,
    });
    const args = ['verify', '-x509_strict', '-CAfile', file('ca.crt', ca.cert)];
    expect(openssl(...args, '-purpose', 'sslclient', file('a.crt', cert))).toContain('OK');
    expect(() => openssl(...args, '-purpose', 'sslserver', join(directory, 'a.crt'))).toThrow();
    expect(new X509Certificate(cert).subject).toBe('O=system:nodes + O=extra\nCN=system:node:a');
  });

  it('makes serving certificates that vouch for themselves', async () => {
    const own = await createSelfSigned({
      commonName: 'node',
      dnsNames: ['node'],
      ipAddresses: ['127.0.0.1'],
      days: 1,
    });
    const [leaf = '', authority = ''] = own.cert.split(/(?<=END CERTIFICATE-----\n)/);
    expect(openssl('verify', '-CAfile', file('own-ca.crt', authority), file('own.crt', leaf))).toContain(
      'OK',
    );
    expect(new X509Certificate(leaf).checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(new X509Certificate(leaf).publicKey.export({type: 'spki', format: 'pem'})).toBe(
      publicKeyOf(own.key),
    );
  });

  it('signs with RSA authorities made elsewhere', async () => {
    const key = join(directory, 'rsa.key');
    const cert = openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-subj',
      '/CN=rsa',
      '-days',
      '2',
    );
    const rsaKey = openssl('rsa', '-in', key);
    const issued = await issueCertificate({
      ca: {cert, key: rsaKey},
      subject: {publicKey: publicKeyOf(generateKey())},
      commonName: 'x',
      usages: ['server auth', 'key encipherment'],
      days: 1,
    });
    expect(openssl('verify', '-CAfile', file('rsa.crt', cert), file('x.crt', issued))).toContain('OK');
  });

  it('pins the public key as kubeadm does', () => {
    const der = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'der'], {
      input: openssl('x509', '-in', file('pin.crt', ca.cert), '-noout', '-pubkey'),
    });
    const digest = execFileSync('openssl', ['dgst', '-sha256', '-hex'], {input: der, encoding: 'utf8'});
    expect(spkiPin(ca.cert)).toBe(`sha256:${digest.trim().split(' ').at(-1)}`);
  });
});
