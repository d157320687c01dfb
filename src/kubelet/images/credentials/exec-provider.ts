import {createHash} from 'node:crypto';
import type {CredentialProvider} from '../../../config/runtime/credential-providers.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import type {Clock} from '../../../lib/time.ts';
import {type CredentialEntry, fits, type LoginEntry, type LoginSource} from './credentials.ts';
import {readAnswer} from './provider-answer.ts';

export type ServiceAccountSeen = {
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
};

export type ExecProviderOptions = {
  readonly provider: CredentialProvider;
  readonly clock: Clock;
  /** Runs the program with a request and gives what it wrote. */
  readonly run: (request: string) => Promise<string>;
  readonly serviceAccount: (namespace: string, name: string) => Promise<ServiceAccountSeen>;
  /** A token of the pod's ServiceAccount, bound to the pod. */
  readonly token: (pod: Pod, audience: string) => Promise<string>;
};

/** What a request says of the pod's ServiceAccount, where the provider wants to know it. */
type Account = {
  readonly source: LoginSource;
  readonly token: string;
  readonly annotations: Readonly<Record<string, string>>;
};

type Cached = {readonly entries: readonly CredentialEntry[]; readonly expiresAtMs: number};

/** A program that knows the logins of some registries (pkg/credentialprovider/plugin). */
export class ExecProvider {
  readonly #options: ExecProviderOptions;
  readonly #cache = new Map<string, Cached>();
  readonly #running = new Map<string, Promise<readonly CredentialEntry[]>>();

  constructor(options: ExecProviderOptions) {
    this.#options = options;
  }

  /** None for images that are not the provider's, and for pods that it does not serve. */
  async logins(pod: Pod, repository: string): Promise<readonly LoginEntry[]> {
    const {matchImages, tokenAttributes} = this.#options.provider;
    if (!matchImages.some((pattern) => fits(pattern, repository))) return [];
    const account = await this.#accountOf(pod);
    if (account === 'not served') return [];
    const entries = this.#cached(repository, account) ?? (await this.#ask(repository, account));
    const echoed = account !== undefined && tokenAttributes?.cacheType !== 'Token';
    if (echoed && entries.some(({credential}) => credential.password === account.token))
      throw new Error("it gave back the token, which needs the cacheType 'Token'");
    return account === undefined ? entries : entries.map((entry) => ({...entry, source: account.source}));
  }

  async #accountOf(pod: Pod): Promise<Account | undefined | 'not served'> {
    const {provider, serviceAccount, token} = this.#options;
    const wish = provider.tokenAttributes;
    if (wish === undefined) return undefined;
    const {namespace} = pod.metadata;
    const name = pod.spec.serviceAccountName ?? '';
    if (name === '') return wish.requireServiceAccount ? 'not served' : undefined;
    const {uid, annotations: all} = await serviceAccount(namespace, name);
    const required = wish.requiredServiceAccountAnnotationKeys;
    if (required.some((key) => all[key] === undefined)) return 'not served';
    const annotations = Object.fromEntries(
      [...required, ...wish.optionalServiceAccountAnnotationKeys]
        .sort()
        .flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])),
    );
    const source = {kind: 'serviceAccount', uid, namespace, name} as const;
    return {source, annotations, token: await token(pod, wish.serviceAccountTokenAudience)};
  }

  #cached(repository: string, account: Account | undefined): readonly CredentialEntry[] | undefined {
    const nowMs = this.#options.clock.monotonic();
    for (const [key, {expiresAtMs}] of this.#cache) if (expiresAtMs < nowMs) this.#cache.delete(key);
    return (['Image', 'Registry', 'Global'] as const)
      .map((type) => this.#cache.get(this.#cacheKey(type, repository, account)))
      .find((found) => found !== undefined)?.entries;
  }

  #cacheKey(type: string, repository: string, account: Account | undefined): string {
    const {tokenAttributes} = this.#options.provider;
    const what = {Image: repository, Registry: repository.split('/')[0]}[type];
    const token = tokenAttributes?.cacheType === 'Token' ? hash(account?.token) : '';
    return JSON.stringify([type, what, account?.source, account?.annotations, token]);
  }

  /** Equal questions at the same time are asked once. */
  #ask(repository: string, account: Account | undefined): Promise<readonly CredentialEntry[]> {
    const key = JSON.stringify([repository, hash(account?.token), account?.annotations]);
    const running =
      this.#running.get(key) ?? this.#exec(repository, account).finally(() => this.#running.delete(key));
    this.#running.set(key, running);
    return running;
  }

  async #exec(image: string, account: Account | undefined): Promise<readonly CredentialEntry[]> {
    const {provider, run, clock} = this.#options;
    const {apiVersion} = provider;
    const {token, annotations = {}} = account ?? {};
    const request = {
      kind: 'CredentialProviderRequest',
      apiVersion,
      image,
      ...(token === undefined ? {} : {serviceAccountToken: token}),
      ...(Object.keys(annotations).length === 0 ? {} : {serviceAccountAnnotations: annotations}),
    };
    const answer = readAnswer(await run(JSON.stringify(request)), apiVersion);
    const keptMs = answer.cacheMs ?? provider.defaultCacheDuration;
    if (keptMs > 0)
      this.#cache.set(this.#cacheKey(answer.cacheKeyType, image, account), {
        entries: answer.entries,
        expiresAtMs: clock.monotonic() + keptMs,
      });
    return answer.entries;
  }
}

function hash(token = ''): string {
  return token === '' ? '' : createHash('sha256').update(token).digest('hex');
}
