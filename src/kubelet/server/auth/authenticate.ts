import {createHash} from 'node:crypto';
import type {PeerCertificate} from '../../../edges/http/http-server.ts';
import type {KubeClient} from '../../../edges/kube/client.ts';
import type {Clock} from '../../../lib/time.ts';
import {Expiring} from './expiring.ts';

export type User = {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
};

/** What a request brings along to say who it is. */
export type Proof = {
  readonly certificate: PeerCertificate | undefined;
  readonly authorization: string | undefined;
};

export type AuthenticatorOptions = {
  /** Undefined without an API server: then nobody's token can be reviewed. */
  readonly client: KubeClient | undefined;
  readonly clock: Clock;
  readonly anonymous: boolean;
  /** TokenReviews are made at all. */
  readonly webhook: boolean;
  readonly cacheMs: number;
};

type TokenReview = {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly error?: string;
    readonly user?: {
      readonly username?: string;
      readonly uid?: string;
      readonly groups?: readonly string[];
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    };
  };
};

const reviewPath = '/apis/authentication.k8s.io/v1/tokenreviews';
const reviewTimeoutMs = 10_000;
const maxCached = 4_096;
const maxTokenBytes = 32 * 1024;
const everybody = 'system:authenticated';

/** Finds out who asks: a verified client certificate, a bearer token that the API server knows, or nobody. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #tokens: Expiring<User | undefined>;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#tokens = new Expiring(options.clock, maxCached);
  }

  /**
   * Undefined: unknown, which is a 401.
   * @throws when the API server cannot be asked; then too the request must be refused
   */
  async authenticate({certificate, authorization}: Proof): Promise<User | undefined> {
    if (certificate?.verified === true && certificate.commonName !== '')
      return withEverybody({name: certificate.commonName, groups: certificate.organizations});
    const {webhook, anonymous} = this.#options;
    const token = bearerToken(authorization);
    if (token !== undefined && webhook) return this.#review(token);
    // Who shows a bad certificate or another kind of authorization is not anonymous but wrong; where nobody looks at
    // headers they say nothing.
    const silent = certificate === undefined && (authorization === undefined || !webhook);
    return silent && anonymous ? {name: 'system:anonymous', groups: ['system:unauthenticated']} : undefined;
  }

  async #review(token: string): Promise<User | undefined> {
    const {client, cacheMs} = this.#options;
    if (client === undefined || token.length > maxTokenBytes) return undefined;
    const key = createHash('sha256').update(token).digest('base64');
    return this.#tokens.get(
      key,
      () => cacheMs,
      async () => {
        const body = {apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: {token}};
        const review = await client.request<TokenReview>('POST', reviewPath, body, {
          timeoutMs: reviewTimeoutMs,
        });
        const user = review.status?.user;
        if (review.status?.authenticated !== true || !user?.username) return undefined;
        return withEverybody({
          name: user.username,
          groups: user.groups ?? [],
          ...(user.uid === undefined ? {} : {uid: user.uid}),
          ...(user.extra === undefined ? {} : {extra: user.extra}),
        });
      },
    );
  }
}

function withEverybody(user: User): User {
  return user.groups.includes(everybody) ? user : {...user, groups: [...user.groups, everybody]};
}

function bearerToken(header: string | undefined): string | undefined {
  const token = /^bearer +(\S+)\s*$/i.exec(header ?? '')?.[1];
  return token === undefined || token === '' ? undefined : token;
}
