import {createPrivateKey, createPublicKey, type KeyObject, randomUUID} from 'node:crypto';
import {calculateJwkThumbprint, exportJWK, type JWTPayload, jwtVerify, SignJWT} from 'jose';
import type {Clock} from '../../lib/time.ts';
import type {Obj, User} from '../contract.ts';
import {isObject, objectAt, textAt} from '../json.ts';
import {keyOf, type Store} from '../store/store.ts';

export type TokenBinding = {
  readonly kind: 'Pod' | 'Secret' | 'Node';
  readonly object: Obj;
  readonly node?: Obj;
};

export type TokenRequest = {
  readonly account: Obj;
  readonly audiences: readonly string[];
  readonly seconds: number;
  readonly bound?: TokenBinding;
};

const maxRemembered = 4096;

/** Signs and checks service-account tokens (RS256) as kube-apiserver does, with an issuer in the form of OIDC. */
export class ServiceAccountTokens {
  readonly issuer: string;
  /** What a token is for when nothing else is asked. */
  readonly audience: string;
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #keyId: Promise<string>;
  /** Signatures already checked; whether the account still exists is asked each time. */
  readonly #checked = new Map<string, JWTPayload>();

  constructor(keyPem: string, issuer: string, store: Store, clock: Clock) {
    this.#privateKey = createPrivateKey(keyPem);
    this.#publicKey = createPublicKey(this.#privateKey);
    this.issuer = issuer;
    this.audience = issuer;
    this.#store = store;
    this.#clock = clock;
    this.#keyId = exportJWK(this.#publicKey).then((jwk) => calculateJwkThumbprint(jwk));
  }

  async sign(request: TokenRequest): Promise<{token: string; expiresMs: number}> {
    const {account, audiences, seconds, bound} = request;
    const issued = Math.floor(this.#clock.now() / 1000);
    const {name, uid, namespace = ''} = account.metadata;
    const claims: Record<string, unknown> = {namespace, serviceaccount: {name, uid}};
    if (bound !== undefined) claims[bound.kind.toLowerCase()] = identity(bound.object);
    if (bound?.node !== undefined) claims.node = identity(bound.node);
    const token = await new SignJWT({'kubernetes.io': claims})
      .setProtectedHeader({alg: 'RS256', kid: await this.#keyId})
      .setIssuer(this.issuer)
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .setAudience([...audiences])
      .setIssuedAt(issued)
      .setNotBefore(issued)
      .setExpirationTime(issued + seconds)
      .setJti(randomUUID())
      .sign(this.#privateKey);
    return {token, expiresMs: (issued + seconds) * 1000};
  }

  /** The user of a token that is good for one of the audiences; undefined when it is not. */
  async verify(
    token: string,
    audiences: readonly string[],
  ): Promise<{user: User; audiences: readonly string[]} | undefined> {
    const payload = await this.#payload(token);
    if (payload === undefined) return undefined;
    const nowSeconds = this.#clock.now() / 1000;
    if ((payload.exp ?? 0) <= nowSeconds || (payload.nbf ?? 0) > nowSeconds + 1) return undefined;
    const own = [payload.aud ?? []].flat();
    const matching = audiences.filter((audience) => own.includes(audience));
    if (matching.length === 0) return undefined;
    const user = this.#user(objectAt(payload, 'kubernetes.io'), payload.jti);
    return user === undefined ? undefined : {user, audiences: matching};
  }

  /** /openid/v1/jwks */
  async jwks(): Promise<object> {
    const key = await exportJWK(this.#publicKey);
    return {keys: [{use: 'sig', alg: 'RS256', kid: await this.#keyId, ...key}]};
  }

  async #payload(token: string): Promise<JWTPayload | undefined> {
    const known = this.#checked.get(token);
    if (known !== undefined) return known;
    try {
      const options = {
        issuer: this.issuer,
        algorithms: ['RS256'],
        currentDate: new Date(this.#clock.now()),
        clockTolerance: 1,
      };
      const {payload} = await jwtVerify(token, this.#publicKey, options);
      if (this.#checked.size >= maxRemembered) this.#checked.clear();
      this.#checked.set(token, payload);
      return payload;
    } catch {
      return undefined;
    }
  }

  /** A token lives as long as its account and what it is bound to, recognised by uid. */
  #user(claims: Record<string, unknown>, id: string | undefined): User | undefined {
    const namespace = textAt(claims, 'namespace') ?? '';
    const account = this.#alive('/serviceaccounts', namespace, claims.serviceaccount);
    if (account === undefined) return undefined;
    for (const [claim, collection] of [
      ['pod', '/pods'],
      ['secret', '/secrets'],
    ] as const)
      if (claims[claim] !== undefined && this.#alive(collection, namespace, claims[claim]) === undefined)
        return undefined;
    const {name, uid} = account.metadata;
    return {
      username: `system:serviceaccount:${namespace}:${name}`,
      uid,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
      extra: extraOf(claims, id),
    };
  }

  #alive(collection: string, namespace: string, claim: unknown): Obj | undefined {
    const object = this.#store.get(collection, keyOf(namespace, textAt(claim, 'name') ?? ''))?.object;
    if (object === undefined || object.metadata.uid !== textAt(claim, 'uid')) return undefined;
    const deleted = object.metadata.deletionTimestamp;
    // Kubernetes allows a minute beyond the deletion time, for clocks that differ.
    return deleted !== undefined && Date.parse(deleted) + 60_000 < this.#clock.now() ? undefined : object;
  }
}

function identity(object: Obj): {name: string; uid: string} {
  return {name: object.metadata.name, uid: object.metadata.uid};
}

function extraOf(claims: Record<string, unknown>, id: string | undefined): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  const prefix = 'authentication.kubernetes.io';
  if (id !== undefined) extra[`${prefix}/credential-id`] = [`JTI=${id}`];
  for (const kind of ['pod', 'node'] as const) {
    const claim = claims[kind];
    if (!isObject(claim)) continue;
    extra[`${prefix}/${kind}-name`] = [String(claim.name)];
    extra[`${prefix}/${kind}-uid`] = [String(claim.uid)];
  }
  return extra;
}
