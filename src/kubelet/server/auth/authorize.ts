import type {KubeClient} from '../../../edges/kube/client.ts';
import type {Clock} from '../../../lib/time.ts';
import type {User} from './authenticate.ts';
import {Expiring} from './expiring.ts';

/** One question: may this user do `verb` on `nodes/<subresource>` of this node? */
export type Attributes = {readonly user: User; readonly verb: string; readonly subresource: string};

export type AuthorizerOptions = {
  readonly client: KubeClient | undefined;
  readonly clock: Clock;
  readonly mode: 'Webhook' | 'AlwaysAllow';
  readonly nodeName: string;
  readonly allowedMs: number;
  readonly deniedMs: number;
};

type SubjectAccessReview = {readonly status?: {readonly allowed?: boolean; readonly denied?: boolean}};

const reviewPath = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
const reviewTimeoutMs = 10_000;
const maxCached = 8_192;

/** Asks the API server who may do what; an answer that does not come is a refusal. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #answers: Expiring<boolean>;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#answers = new Expiring(options.clock, maxCached);
  }

  /**
   * Whether any of the subresources is allowed.
   * @throws when the API server cannot be asked and nothing else allowed it
   */
  async authorize(user: User, verb: string, subresources: readonly string[]): Promise<boolean> {
    if (this.#options.mode === 'AlwaysAllow') return true;
    for (const subresource of subresources) if (await this.#review({user, verb, subresource})) return true;
    return false;
  }

  async #review(attributes: Attributes): Promise<boolean> {
    const {client, nodeName, allowedMs, deniedMs} = this.#options;
    if (client === undefined) return false;
    return this.#answers.get(
      JSON.stringify(attributes),
      (allowed) => (allowed ? allowedMs : deniedMs),
      async () => {
        const body = subjectAccessReview(attributes, nodeName);
        const review = await client.request<SubjectAccessReview>('POST', reviewPath, body, {
          timeoutMs: reviewTimeoutMs,
        });
        return review.status?.allowed === true && review.status.denied !== true;
      },
    );
  }
}

function subjectAccessReview({user, verb, subresource}: Attributes, nodeName: string): object {
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: user.name,
      groups: user.groups,
      ...(user.uid === undefined ? {} : {uid: user.uid}),
      ...(user.extra === undefined ? {} : {extra: user.extra}),
      resourceAttributes: {verb, version: 'v1', resource: 'nodes', subresource, name: nodeName},
    },
  };
}
