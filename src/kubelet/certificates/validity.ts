import {createPrivateKey, X509Certificate} from 'node:crypto';
import type {KeyPair} from '../../edges/trust/certificate-store.ts';
import type {Names} from '../../edges/trust/x509.ts';

export type Validity = {readonly notBeforeMs: number; readonly notAfterMs: number};

export type LeafFacts = Validity & {
  readonly subject: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
};

/** What the first certificate of a chain says; undefined when it cannot be read or is not the key's. */
export function leafFacts({cert, key}: KeyPair): LeafFacts | undefined {
  try {
    const leaf = new X509Certificate(cert);
    if (!leaf.checkPrivateKey(createPrivateKey(key))) return undefined;
    const names = (leaf.subjectAltName ?? '').split(', ');
    const of = (kind: string): string[] =>
      names.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
    return {
      subject: leaf.subject,
      notBeforeMs: leaf.validFromDate.getTime(),
      notAfterMs: leaf.validToDate.getTime(),
      dnsNames: of('DNS:'),
      ipAddresses: of('IP Address:').map((ip) => ip.toLowerCase()),
    };
  } catch {
    return undefined;
  }
}

/**
 * When a certificate is to be replaced: after 70–90 % of its life, by a random number in [0, 1) that belongs to it, so
 * that the nodes of a cluster do not all ask at once.
 */
export function rotateAtMs({notBeforeMs, notAfterMs}: Validity, random: number): number {
  return notBeforeMs + (notAfterMs - notBeforeMs) * (0.7 + 0.2 * random);
}

/** Whether a certificate says all that it must say of whom it is for; it may say more (certSatisfiesTemplate). */
export function satisfies(facts: LeafFacts, wanted: Names): boolean {
  const {commonName, organizations = [], dnsNames = [], ipAddresses = []} = wanted;
  const said = facts.subject.split(/\n| \+ /);
  return (
    [`CN=${commonName}`, ...organizations.map((name) => `O=${name}`)].every((part) => said.includes(part)) &&
    covers(facts, {dnsNames, ipAddresses})
  );
}

/** Whether a certificate covers every name that it must have. */
export function covers(
  facts: Pick<LeafFacts, 'dnsNames' | 'ipAddresses'>,
  wanted: {readonly dnsNames: readonly string[]; readonly ipAddresses: readonly string[]},
): boolean {
  const addresses = facts.ipAddresses.map(canonical);
  return (
    wanted.dnsNames.every((name) => facts.dnsNames.includes(name)) &&
    wanted.ipAddresses.every((ip) => addresses.includes(canonical(ip)))
  );
}

/** One spelling for each IPv6 address: OpenSSL prints FD00:0:0:0:0:0:0:5. */
function canonical(ip: string): string {
  return ip.includes(':') ? (URL.parse(`http://[${ip}]/`)?.hostname ?? ip) : ip;
}
