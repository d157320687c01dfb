import {X509Certificate} from 'node:crypto';
import {isConflict} from '../../../edges/kube/errors.ts';
import {
  type CertificateRequest,
  issueCertificate,
  type KeyUsage,
  readCsr,
} from '../../../edges/trust/x509.ts';
import {Queue} from '../../../lib/control/queue.ts';
import {describeError} from '../../../lib/errors.ts';
import type {CertificateSigningRequest} from '../../../lib/kubernetes.ts';
import {certificateSigningRequests} from '../../../lib/resources.ts';
import {timestamp} from '../../../lib/time.ts';
import type {Context} from '../controller.ts';
import {withCondition} from '../pods.ts';
import {type CsrAct, type CsrSeen, decideCsr, lifetimeMs, nodeNameOf} from './decide.ts';

const backdateMs = 5 * 60_000;
const dayMs = 86_400_000;
const usages: readonly KeyUsage[] = ['digital signature', 'key encipherment', 'client auth', 'server auth'];

/** Reading a request needs the crypto library's promises, so this controller observes asynchronously. */
export function startCsrs(context: Context): Queue {
  const {caches, clock, log} = context;
  const queue = new Queue({
    clock,
    concurrency: 2,
    backoff: {firstMs: 50, maxMs: 30_000},
    work: async (key) => {
      await context.ready;
      const seen = await observe(context, key);
      if (seen === undefined) return undefined;
      const decision = decideCsr(seen);
      for (const act of decision.acts) await apply(context, act);
      return {againInMs: decision.againInMs};
    },
    onError: (key, error, retryInMs) => {
      const say = isConflict(error) ? log.debug : log.warn;
      say('certificate request failed', {controller: 'csr', key, error: describeError(error), retryInMs});
    },
  });
  caches.csrs.listen((now) => {
    if (now !== undefined) queue.enqueue(now.metadata.name);
  });
  // A serving request may come before the node has told its addresses.
  caches.nodes.listen((now, before) => {
    if (
      now === undefined ||
      JSON.stringify(now.status?.addresses) === JSON.stringify(before?.status?.addresses)
    )
      return;
    for (const csr of caches.csrs.values()) if (!csr.status?.certificate) queue.enqueue(csr.metadata.name);
  });
  return queue;
}

async function observe({caches, clock}: Context, name: string): Promise<CsrSeen | undefined> {
  const csr = caches.csrs.get(name);
  if (csr === undefined) return undefined;
  const request = csr.status?.certificate ? undefined : await readRequest(csr);
  const node = nodeNameOf(request);
  return {csr, request, node: node === undefined ? undefined : caches.nodes.get(node), nowMs: clock.now()};
}

/** Undefined when it is no request, or not signed by its own key: the decider says what follows. */
async function readRequest(csr: CertificateSigningRequest): Promise<CertificateRequest | undefined> {
  return await readCsr(pemOf(csr)).catch(() => undefined);
}

const pemOf = (csr: CertificateSigningRequest) => Buffer.from(csr.spec.request, 'base64').toString('utf8');

async function apply(context: Context, act: CsrAct): Promise<void> {
  const {client, caches, clock} = context;
  const now = timestamp(clock.now());
  const {csr} = act;
  const {name, uid} = csr.metadata;
  const condition = (type: string, reason: string, message: string) =>
    withCondition(csr.status?.conditions, {
      type,
      status: 'True',
      reason,
      message,
      lastUpdateTime: now,
      lastTransitionTime: now,
    });
  switch (act.type) {
    case 'approve': {
      const status = {...csr.status, conditions: condition('Approved', 'AutoApproved', act.message)};
      return await caches.csrs.shows(
        await client.update(certificateSigningRequests, {...csr, status}, 'approval'),
      );
    }
    case 'fail': {
      const status = {...csr.status, conditions: condition('Failed', 'SignerValidationFailure', act.message)};
      return await caches.csrs.shows(
        await client.update(certificateSigningRequests, {...csr, status}, 'status'),
      );
    }
    case 'sign': {
      const certificate = Buffer.from(await sign(context, csr, act.request)).toString('base64');
      const status = {...csr.status, certificate};
      return await caches.csrs.shows(
        await client.update(certificateSigningRequests, {...csr, status}, 'status'),
      );
    }
    case 'delete': {
      await client.delete(certificateSigningRequests, {name}, {preconditions: {uid}});
      return await caches.csrs.showsDeletion(name, uid);
    }
  }
}

async function sign(
  {ca, clock}: Context,
  csr: CertificateSigningRequest,
  request: CertificateRequest,
): Promise<string> {
  const nowMs = clock.now();
  const caEndsMs = Date.parse(new X509Certificate(ca.cert).validTo);
  const lifeMs = lifetimeMs(csr.spec.expirationSeconds, nowMs, caEndsMs);
  return await issueCertificate({
    ...request,
    ca,
    subject: {publicKey: request.publicKey},
    usages: usages.filter((usage) => csr.spec.usages?.includes(usage)),
    notBefore: new Date(nowMs - backdateMs),
    days: (lifeMs + backdateMs) / dayMs,
  });
}
