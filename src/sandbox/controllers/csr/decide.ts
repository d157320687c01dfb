import type {CertificateRequest} from '../../../edges/trust/x509.ts';
import type {Decision} from '../../../lib/control/reconcile.ts';
import type {CertificateSigningRequest, Node} from '../../../lib/kubernetes.ts';
import {conditionOf} from '../pods.ts';

export const clientSigner = 'kubernetes.io/kube-apiserver-client';
export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
export const servingSigner = 'kubernetes.io/kubelet-serving';
const nodeUserPrefix = 'system:node:';

export type CsrSeen = {
  readonly csr: CertificateSigningRequest;
  /** What spec.request says; undefined when it cannot be read. */
  readonly request: CertificateRequest | undefined;
  /** The node that the request names, if there is one. */
  readonly node: Node | undefined;
  readonly nowMs: number;
};

export type CsrAct =
  | {readonly type: 'approve'; readonly csr: CertificateSigningRequest; readonly message: string}
  | {readonly type: 'sign'; readonly csr: CertificateSigningRequest; readonly request: CertificateRequest}
  | {readonly type: 'fail'; readonly csr: CertificateSigningRequest; readonly message: string}
  | {readonly type: 'delete'; readonly csr: CertificateSigningRequest};

/** kube-controller-manager's csrcleaner. */
const keptMs = {decided: 3_600_000, pending: 86_400_000};

/** Approver, signer and cleaner in one: each request is in exactly one of their states. */
export function decideCsr({csr, request, node, nowMs}: CsrSeen): Decision<CsrAct> {
  const decided = ['Approved', 'Denied', 'Failed'].some((type) => conditionOf(csr, type)?.status === 'True');
  const bornMs = Date.parse(csr.metadata.creationTimestamp ?? '') || nowMs;
  const dueInMs = bornMs + (decided ? keptMs.decided : keptMs.pending) - nowMs;
  if (dueInMs <= 0) return {acts: [{type: 'delete', csr}]};
  const waiting: Decision<CsrAct> = {acts: [], againInMs: Math.max(dueInMs, 1000)};
  const ours = [clientSigner, kubeletClientSigner, servingSigner].includes(csr.spec.signerName);
  if (!ours || csr.status?.certificate || isSet(csr, 'Denied') || isSet(csr, 'Failed')) return waiting;
  if (!isSet(csr, 'Approved')) {
    const message = request === undefined ? undefined : approvalOf(csr, request, node);
    return message === undefined ? waiting : {acts: [{type: 'approve', csr, message}]};
  }
  if (request === undefined)
    return {acts: [{type: 'fail', csr, message: 'unable to parse the certificate request'}]};
  const problem = signingProblem(csr, request);
  return {
    acts: [problem === undefined ? {type: 'sign', csr, request} : {type: 'fail', csr, message: problem}],
  };
}

const isSet = (csr: CertificateSigningRequest, type: string) => conditionOf(csr, type)?.status === 'True';

/**
 * kubeadm's node-autoapprove-bootstrap and -certificate-rotation, and what Kubernetes leaves to the administrator:
 * a serving certificate for the very addresses that the node reports.
 */
function approvalOf(
  csr: CertificateSigningRequest,
  request: CertificateRequest,
  node: Node | undefined,
): string | undefined {
  const {username = '', groups = []} = csr.spec;
  const self = username === request.commonName && groups.includes('system:nodes');
  if (csr.spec.signerName === kubeletClientSigner) {
    if (kubeletClientProblem(csr, request) !== undefined) return undefined;
    if (self) return 'Auto approving self kubelet client certificate after SubjectAccessReview.';
    const bootstraps = groups.some(
      (group) => group === 'system:bootstrappers' || group.startsWith('system:bootstrappers:'),
    );
    return bootstraps ? 'Auto approving kubelet client certificate after SubjectAccessReview.' : undefined;
  }
  if (csr.spec.signerName !== servingSigner || !self || servingProblem(csr, request) !== undefined)
    return undefined;
  return node !== undefined && isOwnAddress(node, request)
    ? 'Auto approving kubelet serving certificate: its names are the addresses of the node.'
    : undefined;
}

function isOwnAddress(node: Node, request: CertificateRequest): boolean {
  const addresses = node.status?.addresses ?? [];
  const names = addresses.filter(({type}) => ['Hostname', 'InternalDNS', 'ExternalDNS'].includes(type));
  const ips = addresses.filter(({type}) => ['InternalIP', 'ExternalIP'].includes(type));
  const known = (list: typeof addresses, value: string) =>
    list.some(({address}) => address.toLowerCase() === value.toLowerCase());
  return (
    request.dnsNames.every((name) => known(names, name)) && request.ipAddresses.every((ip) => known(ips, ip))
  );
}

function signingProblem(csr: CertificateSigningRequest, request: CertificateRequest): string | undefined {
  switch (csr.spec.signerName) {
    case kubeletClientSigner:
      return kubeletClientProblem(csr, request);
    case servingSigner:
      return servingProblem(csr, request);
    default:
      return clientProblem(csr);
  }
}

/** pkg/apis/certificates/helpers.go: ValidateKubeletClientCSR. */
function kubeletClientProblem(
  csr: CertificateSigningRequest,
  request: CertificateRequest,
): string | undefined {
  const problem = nodeSubjectProblem(request);
  if (problem !== undefined) return problem;
  if (request.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (request.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  return hasUsages(csr, 'client auth')
    ? undefined
    : 'usages did not match [client auth, digital signature] or [client auth, digital signature, key encipherment]';
}

/** ValidateKubeletServingCSR. */
function servingProblem(csr: CertificateSigningRequest, request: CertificateRequest): string | undefined {
  const problem = nodeSubjectProblem(request);
  if (problem !== undefined) return problem;
  if (request.dnsNames.length + request.ipAddresses.length === 0)
    return 'DNS or IP subjectAltName is required';
  return hasUsages(csr, 'server auth')
    ? undefined
    : 'usages did not match [digital signature, server auth] or [digital signature, key encipherment, server auth]';
}

function clientProblem(csr: CertificateSigningRequest): string | undefined {
  const usages = csr.spec.usages ?? [];
  if (!usages.includes('client auth')) return "usages must include 'client auth'";
  const allowed = ['client auth', 'digital signature', 'key encipherment'];
  const other = usages.find((usage) => !allowed.includes(usage));
  return other === undefined ? undefined : `usage '${other}' is not allowed`;
}

function nodeSubjectProblem(request: CertificateRequest): string | undefined {
  if (request.organizations.length !== 1 || request.organizations[0] !== 'system:nodes')
    return 'subject organization is not system:nodes';
  if (!request.commonName.startsWith(nodeUserPrefix) || request.commonName.length === nodeUserPrefix.length)
    return 'subject common name does not begin with system:node:';
  return request.otherNames.length > 0 ? 'email and URI subjectAltNames are not allowed' : undefined;
}

function hasUsages(csr: CertificateSigningRequest, role: string): boolean {
  const usages = new Set(csr.spec.usages ?? []);
  const most = [role, 'digital signature', 'key encipherment'];
  return (
    usages.has(role) && usages.has('digital signature') && [...usages].every((usage) => most.includes(usage))
  );
}

const dayMs = 86_400_000;
const yearMs = 365 * dayMs;

/** How long a certificate may live: what was asked for, at least ten minutes, at most a year and the CA's own end. */
export function lifetimeMs(
  expirationSeconds: number | undefined,
  nowMs: number,
  caNotAfterMs: number,
): number {
  const asked = expirationSeconds === undefined ? yearMs : Math.max(600, expirationSeconds) * 1000;
  return Math.min(asked, yearMs, Math.max(0, caNotAfterMs - nowMs));
}

export function nodeNameOf(request: CertificateRequest | undefined): string | undefined {
  return request?.commonName.startsWith(nodeUserPrefix)
    ? request.commonName.slice(nodeUserPrefix.length)
    : undefined;
}
