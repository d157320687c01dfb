import {join} from 'node:path';
import {isEnabled} from '../../config/kubelet/feature-gates.ts';
import {ipFamily, type KubeletConfig} from '../../config/kubelet.ts';
import {pause} from '../../edges/clock.ts';
import {makeDirectory, readText, writeAtomic} from '../../edges/files/files.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {type KeyPair, openCertificateStore} from '../../edges/trust/certificate-store.ts';
import {createSelfSigned, type Names} from '../../edges/trust/x509.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {NodeAddress} from '../node/addresses.ts';
import {nodeNames} from './credentials.ts';
import {runRotation, servingSigner} from './rotation.ts';
import {leafFacts, rotateAtMs} from './validity.ts';

export type ServingOptions = {
  readonly config: KubeletConfig;
  readonly client: KubeClient | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** The addresses of the Node, as far as they are known. */
  readonly addresses: () => readonly NodeAddress[];
  /** Each certificate to serve with, the first one too. */
  readonly onCertificate: (pair: KeyPair) => void;
  /** The cluster did not sign; it is asked again. */
  readonly onFailed: () => void;
};

const lookMs = 60_000;
/** Files of others are replaced at any time; Kubernetes hears of it at once (dynamic_serving_content.go). */
const givenLookMs = 5_000;
const selfSignedDays = 365;

/** The pair that is made here when nobody else gives one, as Kubernetes' kubelet names its own. */
function ownFiles({certDir}: Pick<KubeletConfig, 'certDir'>): readonly [certFile: string, keyFile: string] {
  return [join(certDir, 'kubelet.crt'), join(certDir, 'kubelet.key')];
}

/**
 * Serves with what the cluster signs (serverTLSBootstrap), else with the files of the configuration, else with a
 * certificate of its own making (kubelet.go has the same order); never with another kind than the configured one. A
 * configuration may also name the own files, as CIS 4.2.9 wants some named. Runs until the signal aborts.
 */
export async function runServing(options: ServingOptions, signal: AbortSignal): Promise<void> {
  const {config, client} = options;
  if (config.serverTLSBootstrap && client !== undefined) return requestServing(options, client, signal);
  const given = [config.tlsCertFile, config.tlsPrivateKeyFile] as const;
  const own = ownFiles(config);
  if (given[0] !== '' && !given.every((file, at) => file === own[at]))
    return watchFiles(options, given, signal);
  return selfSign(options, signal);
}

/** Files may be replaced under our feet, first one and then the other: only a pair that fits is taken. */
async function watchFiles(
  {clock, log, onCertificate}: ServingOptions,
  [certFile, keyFile]: readonly [string, string],
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    const pair = await readPair(certFile, keyFile);
    if (pair === undefined || leafFacts(pair) === undefined)
      log.error('the serving certificate is not usable', {certFile, keyFile});
    else if (pair.cert + pair.key !== last) {
      last = pair.cert + pair.key;
      onCertificate(pair);
    }
    await pause(clock, givenLookMs, signal);
  }
}

async function readPair(certFile: string, keyFile: string): Promise<KeyPair | undefined> {
  const [cert, key] = await Promise.all([readText(certFile), readText(keyFile)]);
  return cert === undefined || key === undefined ? undefined : {cert, key};
}

/** Until the cluster has signed for the first time, files of the configuration serve (certificate_store.go, Current). */
async function requestServing(
  options: ServingOptions,
  client: KubeClient,
  signal: AbortSignal,
): Promise<void> {
  const {config, clock, log, onCertificate, onFailed} = options;
  const store = openCertificateStore(config.certDir, 'kubelet-server');
  const {tlsCertFile, tlsPrivateKeyFile} = config;
  const given = tlsCertFile === '' ? undefined : await readPair(tlsCertFile, tlsPrivateKeyFile);
  const kept = (await store.current()) ?? given;
  const facts = kept && leafFacts(kept);
  if (kept !== undefined && facts !== undefined && clock.now() < facts.notAfterMs) onCertificate(kept);
  await runRotation(
    {
      store,
      client,
      clock,
      log,
      signerName: servingSigner,
      usages: ['digital signature', 'server auth'],
      names: () => servingNames(config, options.addresses()),
      ...(given === undefined ? {} : {initial: given}),
      onIssued: onCertificate,
      onFailed,
    },
    signal,
  );
}

/**
 * What the cluster is asked to sign; nothing before the node has an address, which a cloud may tell later
 * (pkg/kubelet/certificate newGetTemplateFn).
 */
export function servingNames(
  config: Pick<KubeletConfig, 'nodeName' | 'featureGates'>,
  addresses: readonly NodeAddress[],
): Names | undefined {
  const names = {...nodeNames(config.nodeName), ...namesOf(addresses)};
  if (names.ipAddresses.length > 0) return names;
  return names.dnsNames.length > 0 && isEnabled(config.featureGates, 'AllowDNSOnlyNodeCSR')
    ? names
    : undefined;
}

/** A host name may be an address; what is said to be an address and is none counts for nothing. */
function namesOf(addresses: readonly NodeAddress[]): {dnsNames: string[]; ipAddresses: string[]} {
  const isIp = ({type, address}: NodeAddress) =>
    ['Hostname', 'InternalIP', 'ExternalIP'].includes(type) && ipFamily(address) !== 0;
  const isName = ({type, address}: NodeAddress) =>
    ['InternalDNS', 'ExternalDNS'].includes(type) || (type === 'Hostname' && ipFamily(address) === 0);
  const given = addresses.filter(({address}) => address !== '');
  const distinct = (found: readonly NodeAddress[]) => [...new Set(found.map(({address}) => address))].sort();
  return {ipAddresses: distinct(given.filter(isIp)), dnsNames: distinct(given.filter(isName))};
}

async function selfSign(options: ServingOptions, signal: AbortSignal): Promise<void> {
  const {config, clock, log, onCertificate} = options;
  const [certFile, keyFile] = ownFiles(config);
  let last = '';
  while (!signal.aborted) {
    try {
      const kept = await readPair(certFile, keyFile);
      const facts = kept && leafFacts(kept);
      const fresh = kept !== undefined && facts !== undefined && clock.now() < rotateAtMs(facts, 1);
      const pair = fresh ? kept : await makeSelfSigned(options, certFile, keyFile);
      if (pair.cert !== last) onCertificate(pair);
      last = pair.cert;
    } catch (error) {
      log.error('no serving certificate could be made', {error: describeError(error)});
    }
    await pause(clock, lookMs, signal);
  }
}

async function makeSelfSigned(
  {config, addresses, log}: ServingOptions,
  certFile: string,
  keyFile: string,
): Promise<KeyPair> {
  const pair = await createSelfSigned({
    ...namesOf([{type: 'Hostname', address: config.nodeName}, ...addresses()]),
    commonName: config.nodeName,
    organizations: [],
    days: selfSignedDays,
  });
  await makeDirectory(config.certDir);
  // The key first: a crash in between leaves a pair that does not fit, and that is made anew.
  await writeAtomic(keyFile, pair.key, 0o600);
  await writeAtomic(certFile, pair.cert, 0o644);
  log.info('made a serving certificate that vouches for itself', {certFile});
  return pair;
}
