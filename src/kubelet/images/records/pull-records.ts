import * as z from 'zod/mini';
import {describeError} from '../../../lib/errors.ts';
import type {Logger} from '../../../lib/log.ts';
import {type Clock, timestamp} from '../../../lib/time.ts';
import type {AccessCheck} from '../../stats/metrics/pods/image-metrics.ts';
import type {Login} from '../credentials/credentials.ts';
import {credentialsOfPull, judgeAccess, mergeCredentials, type PullCredentials} from './pulled.ts';
import {RecordFiles} from './record-files.ts';
import type {VerificationPolicy} from './verification.ts';

const owner = {uid: z.string(), namespace: z.string(), name: z.string()};
const recordSchema = z.looseObject({
  lastUpdatedTime: z.string(),
  imageRef: z.string(),
  credentialMapping: z.optional(
    z.record(
      z.string(),
      z.looseObject({
        nodePodsAccessible: z.optional(z.boolean()),
        kubernetesSecrets: z.optional(z.array(z.looseObject({...owner, credentialHash: z.string()}))),
        kubernetesServiceAccounts: z.optional(z.array(z.looseObject(owner))),
      }),
    ),
  ),
});
const intentSchema = z.looseObject({image: z.string()});
type Mapping = Readonly<Record<string, PullCredentials>>;

/** An image as a pod asks for it. */
export type AskedImage = {
  /** As the container says. */
  readonly image: string;
  /** Without tag and digest. */
  readonly plain: string;
};

/** As the runtime lists it: tags and digests are its names. */
export type ListedImage = {readonly id: string; readonly names: readonly string[]};

export type PullRecordsOptions = {
  /** `<kubelet root>/image_manager` */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly policy: VerificationPolicy;
  readonly onChecked?: (result: AccessCheck) => void;
};

const apiVersion = 'kubelet.config.k8s.io/v1beta1';

/**
 * Remembers with whose credentials images were pulled, so that a pod cannot use an image of another tenant only
 * because it is here (KEP-2535, on by default since Kubernetes 1.35). The files are the Go kubelet's.
 */
export class PullRecords {
  readonly #options: PullRecordsOptions;
  readonly #pulled: RecordFiles;
  readonly #pulling: RecordFiles;
  readonly #running = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PullRecordsOptions) {
    this.#options = options;
    this.#pulled = new RecordFiles(`${options.dir}/pulled`);
    this.#pulling = new RecordFiles(`${options.dir}/pulling`);
  }

  async open(): Promise<void> {
    await Promise.all([this.#pulled.open(), this.#pulling.open()]);
  }

  /**
   * Pulls that were cut off when a kubelet ended: what they brought is an image that was pulled, for whose use nobody
   * has shown credentials yet. `listed` is asked only where there are any.
   */
  async recover(listed: () => Promise<readonly ListedImage[]>): Promise<void> {
    const intents = await this.#pulling.all();
    const cut = new Set(intents.map((intent) => intentSchema.safeParse(intent).data?.image));
    if (cut.size === 0) return;
    try {
      for (const {id, names} of await listed())
        for (const image of names.filter((name) => cut.has(name))) {
          await this.#inTurn(async () => this.#write(id, (await this.#mapping(id)) ?? {}));
          await this.#pulling.remove(image);
        }
    } catch (error) {
      this.#options.log.warn('pulls that were cut off are not told from others', {
        error: describeError(error),
      });
    }
  }

  /** What is noted on the disk. */
  async counts(): Promise<{readonly intents: number; readonly records: number}> {
    const [intents, records] = await Promise.all([this.#pulling.count(), this.#pulled.count()]);
    return {intents, records};
  }

  /** A pull begins; noted first, so that what it brings is never taken for an image that was always here. */
  begin({image}: AskedImage): Promise<void> {
    return this.#inTurn(async () => {
      this.#running.set(image, (this.#running.get(image) ?? 0) + 1);
      await this.#pulling.write(image, {kind: 'ImagePullIntent', apiVersion, image});
    });
  }

  async succeeded(asked: AskedImage, ref: string, login: Login | undefined): Promise<void> {
    // Without its record the image is still ours: what was noted at the beginning says so.
    if (await this.#note(asked, ref, credentialsOfPull(login))) await this.failed(asked);
  }

  failed({image}: AskedImage): Promise<void> {
    return this.#inTurn(async () => {
      const left = (this.#running.get(image) ?? 1) - 1;
      if (left > 0) return void this.#running.set(image, left);
      this.#running.delete(image);
      await this.#pulling.remove(image);
    });
  }

  /** Whether a pod may have an image that is present; `logins` are asked for only where they decide. */
  async mayUse(asked: AskedImage, ref: string, logins: () => Promise<readonly Login[]>): Promise<boolean> {
    let result: AccessCheck = 'error';
    try {
      result = await this.#check(asked, ref, logins);
    } finally {
      this.#options.onChecked?.(result);
    }
    return result !== 'mustAuthenticate';
  }

  async #check(
    asked: AskedImage,
    ref: string,
    logins: () => Promise<readonly Login[]>,
  ): Promise<AccessCheck> {
    const mapping = await this.#inTurn(() => this.#mapping(ref));
    const intent = async () => (await this.#pulling.read(asked.image)) !== undefined;
    const ours = mapping !== undefined || this.#running.has(asked.image) || (await intent());
    if (!this.#options.policy(asked.plain, ours)) return 'credentialPolicyAllowed';
    const known = mapping?.[asked.plain];
    if (known === undefined) return 'mustAuthenticate';
    if (known.nodePodsAccessible === true) return 'credentialRecordFound';
    const {allowed, learnt} = judgeAccess(known, await logins());
    if (learnt !== undefined) await this.#note(asked, ref, learnt);
    return allowed ? 'credentialRecordFound' : 'mustAuthenticate';
  }

  /** Forgets images that are no longer here, but for what was pulled since `beforeMs`; records have whole seconds. */
  async prune(present: ReadonlySet<string>, beforeMs: number): Promise<void> {
    for (const found of await this.#pulled.all()) {
      const {data} = recordSchema.safeParse(found);
      if (data === undefined || present.has(data.imageRef)) continue;
      if (Date.parse(data.lastUpdatedTime) < beforeMs - 1000) await this.#pulled.remove(data.imageRef);
    }
  }

  async #note({plain}: AskedImage, ref: string, credentials: PullCredentials): Promise<boolean> {
    try {
      await this.#inTurn(async () => {
        const mapping = (await this.#mapping(ref)) ?? {};
        await this.#write(ref, {...mapping, [plain]: mergeCredentials(mapping[plain], credentials)});
      });
      return true;
    } catch (error) {
      this.#options.log.warn('a pull could not be noted', {image: plain, error: describeError(error)});
      return false;
    }
  }

  #write(imageRef: string, credentialMapping: Mapping): Promise<void> {
    const lastUpdatedTime = timestamp(this.#options.clock.now());
    const kind = 'ImagePulledRecord';
    return this.#pulled.write(imageRef, {kind, apiVersion, lastUpdatedTime, imageRef, credentialMapping});
  }

  /** Undefined: this kubelet did not pull it. A record that cannot be read allows nobody. */
  async #mapping(ref: string): Promise<Mapping | undefined> {
    const found = await this.#pulled.read(ref);
    if (found === undefined) return undefined;
    return recordSchema.safeParse(found).data?.credentialMapping ?? {};
  }

  /** One after the other: a record is read, changed and written as a whole. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
