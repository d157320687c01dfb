import {join} from 'node:path';
import {linkAtomic, makeDirectory, readText, removeFile, writeAtomic} from '../files/files.ts';
import {generateKey} from './x509.ts';

export type KeyPair = {readonly cert: string; readonly key: string};

/**
 * Certificates as the kubelet keeps them (client-go util/certificate): `<prefix>-<date>.pem` holds the chain and the
 * key, `<prefix>-current.pem` links to the newest. The link is replaced by one rename, so there always is a current one.
 */
export type CertificateStore = {
  readonly currentPath: string;
  /** Undefined when there is none, or not both of certificate and key. */
  current(): Promise<KeyPair | undefined>;
  /** The key of the request under way, made when there is none: after a crash the same request is found again. */
  pendingKey(): Promise<string>;
  /** Stores an issued certificate, makes it current and forgets the pending key. */
  update(pair: KeyPair, now: Date): Promise<void>;
  /** The pending request came to nothing: the next one has a new key. */
  dropPendingKey(): Promise<void>;
};

export function openCertificateStore(directory: string, prefix: string): CertificateStore {
  const currentPath = join(directory, `${prefix}-current.pem`);
  const pendingPath = join(directory, `${prefix}.key.tmp`);
  return {
    currentPath,
    current: async () => splitPem((await readText(currentPath)) ?? ''),
    async pendingKey() {
      const kept = privateKeyOf((await readText(pendingPath)) ?? '');
      if (kept !== undefined) return kept;
      const key = generateKey();
      await makeDirectory(directory);
      await writeAtomic(pendingPath, key, 0o600);
      return key;
    },
    async update({cert, key}, now) {
      const name = `${prefix}-${fileStamp(now)}.pem`;
      await makeDirectory(directory);
      await writeAtomic(join(directory, name), `${cert.trim()}\n${key.trim()}\n`, 0o600);
      // Absolute, as client-go writes it: other tools compare the link's text.
      await linkAtomic(currentPath, join(directory, name));
      await removeFile(pendingPath);
    },
    dropPendingKey: () => removeFile(pendingPath),
  };
}

function fileStamp(now: Date): string {
  return now.toISOString().slice(0, 19).replaceAll(/[T:]/g, '-');
}

const certificates = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/g;
const privateKey = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[\s\S]+?-----END \1-----\n?/;

/** The parts of a file that holds a chain and a key, in any order. */
export function splitPem(text: string): KeyPair | undefined {
  const cert = (text.match(certificates) ?? []).join('');
  const key = privateKeyOf(text);
  return cert === '' || key === undefined ? undefined : {cert, key};
}

function privateKeyOf(text: string): string | undefined {
  return privateKey.exec(text)?.[0];
}
