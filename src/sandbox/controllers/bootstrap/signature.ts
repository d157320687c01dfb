import {createHmac} from 'node:crypto';
import type {Secret} from '../../../lib/kubernetes.ts';

export type BootstrapToken = {
  readonly id: string;
  readonly secret: string;
  readonly expiresMs: number | undefined;
  readonly signs: boolean;
};

const idRe = /^[a-z0-9]{6}$/;
const secretRe = /^[a-z0-9]{16}$/;

/** A bootstrap.kubernetes.io/token Secret, read as bootstrapsecretutil does; undefined when it is not well formed. */
export function readToken(object: Secret): BootstrapToken | undefined {
  const text = (key: string) => Buffer.from(object.data?.[key] ?? '', 'base64').toString('utf8');
  const id = text('token-id');
  const secret = text('token-secret');
  if (!idRe.test(id) || !secretRe.test(secret) || object.metadata.name !== `bootstrap-token-${id}`)
    return undefined;
  const expiration = text('expiration');
  const expiresMs = expiration === '' ? undefined : Date.parse(expiration);
  // A time that cannot be read counts as past: a token never lives longer than was meant.
  const end = expiresMs !== undefined && Number.isNaN(expiresMs) ? 0 : expiresMs;
  return {id, secret, expiresMs: end, signs: text('usage-bootstrap-signing') === 'true'};
}

/** RFC 7515 appendix F: a detached JWS over the kubeconfig, HS256, as `kubeadm join` computes it. */
export function detachedSignature(content: string, {id, secret}: BootstrapToken): string {
  const header = Buffer.from(`{"alg":"HS256","kid":"${id}"}`).toString('base64url');
  const payload = Buffer.from(content).toString('base64url');
  const signature = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
  return `${header}..${signature}`;
}
