import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {type AddressFacts, readAddressFacts} from '../../edges/network/node-addresses.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {chooseAddresses, cloudAddresses, type NodeAddress} from './addresses.ts';
import type {ImageFacts, RuntimeFacts} from './status.ts';

const addressesForMs = 60_000;
const imagesForMs = 30_000;
const criTimeoutMs = 10_000;

export type MachineSightOptions = {
  readonly config: KubeletConfig;
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
};

/** What of the Node's status is read from the runtime and from the network, some of it only now and then. */
export class MachineSight {
  readonly #options: MachineSightOptions;
  #addresses: {readonly atMs: number; readonly facts: AddressFacts} | undefined;
  #chosen: readonly NodeAddress[] = [];
  #images: {readonly atMs: number; readonly found: readonly ImageFacts[]} | undefined;

  constructor(options: MachineSightOptions) {
    this.#options = options;
  }

  /** Addresses as last chosen. */
  known(): readonly NodeAddress[] {
    return this.#chosen;
  }

  async runtime(): Promise<RuntimeFacts | undefined> {
    const {runtime} = this.#options.cri;
    try {
      const [version, status] = await Promise.all([
        runtime.version({}, {timeoutMs: criTimeoutMs}),
        runtime.status({}, {timeoutMs: criTimeoutMs}),
      ]);
      return {
        name: version.runtimeName,
        version: version.runtimeVersion,
        handlers: status.runtimeHandlers.map(({name, features}) => ({
          name,
          recursiveReadOnlyMounts: features?.recursiveReadOnlyMounts ?? false,
          userNamespaces: features?.userNamespaces ?? false,
        })),
        ...(status.features === undefined
          ? {}
          : {supplementalGroupsPolicy: status.features.supplementalGroupsPolicy}),
      };
    } catch {
      // Whether the runtime is well is told by the pods' side; here only its facts are missing.
      return undefined;
    }
  }

  async images(): Promise<readonly ImageFacts[] | undefined> {
    const {cri, clock} = this.#options;
    const atMs = clock.monotonic();
    if (this.#images !== undefined && atMs - this.#images.atMs < imagesForMs) return this.#images.found;
    try {
      const {images} = await cri.images.listImages({}, {timeoutMs: criTimeoutMs});
      const found = images.map(({repoDigests, repoTags, size}) => ({
        digests: repoDigests,
        tags: repoTags,
        sizeBytes: Number(size),
      }));
      this.#images = {atMs, found};
      return found;
    } catch {
      return undefined;
    }
  }

  /** `before`: what the Node has, which a cloud controller may have told. */
  async addresses(before: readonly NodeAddress[]): Promise<readonly NodeAddress[] | undefined> {
    const {config, clock, log} = this.#options;
    const told = cloudAddresses(config, before);
    if (told !== undefined) {
      this.#chosen = told;
      return told;
    }
    const atMs = clock.monotonic();
    if (
      this.#addresses === undefined ||
      atMs - this.#addresses.atMs >= addressesForMs ||
      this.#chosen.length === 0
    )
      this.#addresses = {atMs, facts: await readAddressFacts(config.nodeName, config.nodeIPs)};
    const chosen = chooseAddresses(config.nodeName, config.nodeIPs, this.#addresses.facts);
    if ('problem' in chosen) {
      log.warn('the addresses of this node are not known', {problem: chosen.problem});
      return undefined;
    }
    this.#chosen = chosen.addresses;
    return chosen.addresses;
  }
}
