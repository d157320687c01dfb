import {isDeepStrictEqual} from 'node:util';
import {pause} from '../../edges/clock.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import type {CertificateStore, KeyPair} from '../../edges/trust/certificate-store.ts';
import type {KeyUsage, Names} from '../../edges/trust/x509.ts';
import {Backoff} from '../../lib/control/backoff.ts';
import {describeError, isNodectlError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {requestCertificate} from './request.ts';
import {leafFacts, rotateAtMs, satisfies} from './validity.ts';

export const clientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
export const servingSigner = 'kubernetes.io/kubelet-serving';

export type RotationSeen = {
  readonly nowMs: number;
  readonly current: KeyPair | undefined;
  /** What the certificate must say; undefined while that is not known (a node without addresses). */
  readonly wanted: Names | undefined;
  /** In [0, 1), drawn once for each certificate. */
  readonly random: number;
  /** The certificate only serves to come by another one (certificate_manager.go, forceRotation). */
  readonly forced?: boolean;
};

export type RotationDecision = {readonly act: 'request' | 'keep'; readonly againInMs: number};

/** Names may change at any time: they are looked at at least this often. */
const lookMs = 60_000;
/** While a request waits, as Kubernetes does: a cloud may tell the addresses a moment after it was made. */
const namesMs = 1_000;

/** Whether a new certificate is needed now, and when to ask again. */
export function decideRotation({nowMs, current, wanted, random, forced}: RotationSeen): RotationDecision {
  const keep = (ms: number): RotationDecision => ({
    act: 'keep',
    againInMs: Math.min(Math.max(ms, 1_000), lookMs),
  });
  if (wanted === undefined) return keep(1_000);
  const facts = current && leafFacts(current);
  if (facts === undefined || nowMs >= facts.notAfterMs) return {act: 'request', againInMs: lookMs};
  if (forced === true || !satisfies(facts, wanted)) return {act: 'request', againInMs: lookMs};
  const dueMs = rotateAtMs(facts, random) - nowMs;
  return dueMs <= 0 ? {act: 'request', againInMs: lookMs} : keep(dueMs);
}

export type RotationOptions = {
  readonly store: CertificateStore;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signerName: string;
  readonly usages: readonly KeyUsage[];
  readonly names: () => Names | undefined;
  /** What is in use while the store has nothing. */
  readonly initial?: KeyPair;
  /** Whether another one is asked for at once. */
  readonly forced?: boolean;
  readonly onIssued: (pair: KeyPair) => void;
  /** True when a certificate was come by in another way, because nobody listens to the one that would ask. */
  readonly rejoin?: () => Promise<boolean>;
  /** A try to renew has failed; another will follow. */
  readonly onFailed: () => void;
};

/** certificate_manager.go: what is left of a short certificate must not pass in one pause. */
const backoffOptions = {firstMs: 2_000, maxMs: 32_000};

/** Keeps one certificate fresh until the signal aborts. The old one stays in use until the new one is stored. */
export async function runRotation(options: RotationOptions, signal: AbortSignal): Promise<void> {
  const {store, clock, log, signerName, rejoin, onFailed} = options;
  const backoff = new Backoff(backoffOptions);
  let random = Math.random();
  let {forced = false} = options;
  while (!signal.aborted) {
    try {
      const current = (await store.current()) ?? options.initial;
      const wanted = options.names();
      const decision = decideRotation({nowMs: clock.now(), current, wanted, random, forced});
      if (decision.act === 'request' && wanted !== undefined) {
        if (!(await rejoin?.())) await renew(options, wanted, signal);
        random = Math.random();
        forced = false;
        backoff.succeed('');
      } else await pause(clock, decision.againInMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      onFailed();
      // A refusal is final for this key; everything else may be asked again with the same one.
      if (isNodectlError(error, 'ND723')) await store.dropPendingKey();
      const retryInMs = backoff.fail('', clock.monotonic());
      log.warn('a certificate could not be renewed', {signerName, error: describeError(error), retryInMs});
      await pause(clock, retryInMs, signal);
    }
  }
}

async function renew(options: RotationOptions, names: Names, signal: AbortSignal): Promise<void> {
  const {store, clock, log, client, signerName, usages} = options;
  const key = await store.pendingKey();
  const onPending = (name: string) => log.info('a certificate was requested', {signerName, name});
  const cert = await whileWanted(options, names, signal, (wanted) =>
    requestCertificate({...names, key, signerName, usages}, {client, clock, signal: wanted, onPending}),
  );
  const pair = {cert, key};
  const facts = leafFacts(pair);
  if (facts === undefined || facts.notAfterMs <= clock.now()) {
    await store.dropPendingKey();
    throw new Error('the certificate that was issued is not usable');
  }
  await store.update(pair, new Date(clock.now()));
  options.onIssued(pair);
  log.info('a certificate was issued', {signerName, until: new Date(facts.notAfterMs).toISOString()});
}

/**
 * A request may lie for days before somebody approves it: when the node has other names by then, nobody is to wait for
 * it any longer (certificate_manager.go, templateChanged).
 */
async function whileWanted(
  {clock, names}: RotationOptions,
  asked: Names,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<string>,
): Promise<string> {
  const over = new AbortController();
  const look = async (): Promise<void> => {
    for (;;) {
      await pause(clock, namesMs, over.signal);
      if (over.signal.aborted) return;
      const now = names();
      if (now !== undefined && !isDeepStrictEqual(now, asked))
        over.abort(new Error('the names of this node have changed since the certificate was requested'));
    }
  };
  const looking = look();
  try {
    return await work(AbortSignal.any([signal, over.signal]));
  } finally {
    over.abort();
    await looking;
  }
}
