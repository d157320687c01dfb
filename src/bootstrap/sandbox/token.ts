import type {Draft, Secret} from '../../lib/kubernetes.ts';
import {timestamp} from '../../lib/time.ts';

/** How long the token of one `sandbox up` is good for. */
const lifetimeMs = 60 * 60_000;

/** `id.secret` from 22 random bytes, in the alphabet of kubeadm's tokens. */
export function tokenFrom(random: Uint8Array): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const text = Array.from(random.subarray(0, 22), (byte) => alphabet[byte % alphabet.length] ?? 'a').join('');
  return `${text.slice(0, 6)}.${text.slice(6)}`;
}

/** The Secret that makes a token live, with the keys and usages of `kubeadm token create`. */
export function tokenSecret(token: string, nowMs: number): Draft<Secret> {
  const [id = '', secret = ''] = token.split('.');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {name: `bootstrap-token-${id}`, namespace: 'kube-system'},
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': id,
      'token-secret': secret,
      expiration: timestamp(nowMs + lifetimeMs),
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      description: 'made by nodectl sandbox up',
    },
  };
}
