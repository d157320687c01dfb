import {join} from 'node:path';
import {rootCertificates} from 'node:tls';
import {listDirectory, readText} from '../files/files.ts';

/** Where distributions keep the authorities that the machine trusts (Go's crypto/x509, root_linux.go). */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** As PEM: the file and the directories of the environment count as for programs written in Go. */
export async function hostAuthorities(environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  const {SSL_CERT_FILE: file = '', SSL_CERT_DIR: directories = ''} = environment;
  const [own, named] = await Promise.all([
    firstText(file === '' ? bundles : [file]),
    Promise.all(directories.split(':').filter(Boolean).map(textsBelow)),
  ]);
  const given = [...(own === undefined ? [] : [own]), ...named.flat()];
  return (given.length === 0 ? rootCertificates : given).join('\n');
}

async function firstText(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readText(path);
    if (text !== undefined) return text;
  }
  return undefined;
}

async function textsBelow(directory: string): Promise<string[]> {
  const paths = (await listDirectory(directory)).map((name) => join(directory, name));
  const texts = await Promise.all(paths.map((path) => readText(path).catch(() => undefined)));
  return texts.flatMap((text) => (text?.includes('-----BEGIN CERTIFICATE-----') ? [text] : []));
}
