import {createHash, timingSafeEqual} from 'node:crypto';
import type {TLSSocket} from 'node:tls';
import type {Clock} from '../../lib/time.ts';
import type {Authenticate} from '../api/http/http-server.ts';
import type {User} from '../contract.ts';
import {textAt} from '../json.ts';
import {unauthorized} from '../status.ts';
import {keyOf, type Store} from '../store/store.ts';
import type {ServiceAccountTokens} from './service-account-tokens.ts';

const anonymous: User = {username: 'system:anonymous', groups: ['system:unauthenticated']};
const bootstrapToken = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

export type TokenUser = {readonly user: User; readonly audiences: readonly string[]};
/** The user of a bearer token, of whichever kind; undefined for one that is not good. */
export type CheckToken = (token: string, audiences: readonly string[]) => Promise<TokenUser | undefined>;

/** Certificate first, then bearer token; without either the request is anonymous, with a wrong one refused. */
export function createAuthenticate(check: CheckToken, audience: string): Authenticate {
  const bySocket = new WeakMap<TLSSocket, User>();
  return async (socket, authorization) => {
    const known = bySocket.get(socket) ?? certificateUser(socket);
    if (known !== undefined) {
      bySocket.set(socket, known);
      return known;
    }
    const token = /^bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token !== undefined) {
      const found = await check(token, [audience]);
      if (found === undefined) throw unauthorized();
      return found.user;
    }
    if (socket.getPeerCertificate().subject !== undefined) throw unauthorized();
    return anonymous;
  };
}

function certificateUser(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  const subject: Readonly<Record<string, string | string[] | undefined>> = {...certificate.subject};
  const username = [subject.CN ?? []].flat()[0];
  if (username === undefined || Date.parse(certificate.valid_to) < Date.now()) return undefined;
  const id = createHash('sha256').update(certificate.raw).digest('hex');
  return {
    username,
    groups: [...[subject.O ?? []].flat(), 'system:authenticated'],
    extra: {'authentication.kubernetes.io/credential-id': [`X509SHA256=${id}`]},
  };
}

export function createCheckToken(store: Store, clock: Clock, tokens: ServiceAccountTokens): CheckToken {
  return async (token, audiences) => {
    const match = bootstrapToken.exec(token);
    if (match === null) return tokens.verify(token, audiences);
    const user = bootstrapUser(store, clock.now(), match[1] ?? '', match[2] ?? '');
    return user === undefined ? undefined : {user, audiences};
  };
}

/** plugin/pkg/auth/authenticator/token/bootstrap: the secret of the token's id, unexpired, meant for this. */
function bootstrapUser(store: Store, nowMs: number, id: string, given: string): User | undefined {
  const secret = store.get('/secrets', keyOf('kube-system', `bootstrap-token-${id}`))?.object;
  if (secret?.type !== 'bootstrap.kubernetes.io/token' || secret.metadata.deletionTimestamp !== undefined)
    return undefined;
  const data = (key: string) => {
    const encoded = textAt(secret, 'data', key);
    return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
  };
  if (data('token-id') !== id || !same(data('token-secret') ?? '', given)) return undefined;
  const expiration = data('expiration');
  // A time that cannot be read counts as passed.
  if (expiration !== undefined && !(Date.parse(expiration) > nowMs)) return undefined;
  if (data('usage-bootstrap-authentication') !== 'true') return undefined;
  const extra = (data('auth-extra-groups') ?? '').split(',').filter((group) => group !== '');
  return {
    username: `system:bootstrap:${id}`,
    groups: ['system:bootstrappers', ...extra, 'system:authenticated'],
  };
}

function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
