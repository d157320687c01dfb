import {rpcMessage} from '../../edges/csi/client.ts';
import type {DeviceGrant} from '../../edges/devices/client.ts';
import type {Container, Pod} from '../../lib/kubernetes.ts';
import {quantityValue} from '../../lib/quantity.ts';
import type {Clock} from '../../lib/time.ts';
import type {Hint, Hints, NumaMask} from '../managers/numa.ts';
import {endsFirst, type PodDraft} from '../managers/types.ts';
import {podLimits, type ResourceList} from '../pod/config/resources/pod-resources.ts';
import {byNode, chooseDevices, type Question} from './choose.ts';
import {deviceHints, isAligned} from './hints.ts';
import type {Ledger} from './ledger.ts';
import type {DevicePlugins} from './plugins.ts';
import {idsOf} from './types.ts';

export type DraftOptions = {
  readonly pod: Pod;
  readonly plugins: DevicePlugins;
  readonly ledger: Ledger;
  readonly numaNodes: readonly number[];
  readonly commit: (ledger: Ledger) => Promise<void>;
  readonly clock: Clock;
  /** A plugin has answered what it was asked to give. */
  readonly onGranted: (resource: string, seconds: number) => void;
};

/** The devices of one pod (devicemanager/manager.go). */
export class DeviceDraft implements PodDraft {
  readonly #options: DraftOptions;
  readonly #reusable = new Map<string, ReadonlySet<string>>();
  #ledger: Ledger;

  constructor(options: DraftOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
  }

  hints({name, resources}: Container): Hints {
    const {uid} = this.#options.pod.metadata;
    return this.#hints(resources?.limits ?? {}, (resource) => {
      const use = this.#ledger.find(uid, name, resource);
      return use === undefined ? new Set() : idsOf(use);
    });
  }

  podHints(): Hints {
    const {pod} = this.#options;
    return this.#hints(podLimits(pod.spec, {overhead: false}), (resource) => {
      const uses = this.#ledger.of(pod.metadata.uid).filter((use) => use.resource === resource);
      return new Set(uses.flatMap((use) => [...idsOf(use)]));
    });
  }

  async allocate(container: Container, {affinity}: Hint): Promise<void> {
    const {pod} = this.#options;
    for (const [resource, amount] of Object.entries(container.resources?.limits ?? {}))
      if (this.#isOurs(resource))
        await this.#allocate(container.name, resource, quantityValue(amount), affinity);
    for (const use of this.#ledger.of(pod.metadata.uid, container.name)) {
      const before = this.#reusable.get(use.resource) ?? new Set<string>();
      const own = idsOf(use);
      const after = endsFirst(pod, container)
        ? new Set([...before, ...own])
        : new Set([...before].filter((id) => !own.has(id)));
      this.#reusable.set(use.resource, after);
    }
  }

  commit(): Promise<void> {
    return this.#ledger === this.#options.ledger ? Promise.resolve() : this.#options.commit(this.#ledger);
  }

  #isOurs(resource: string): boolean {
    return this.#options.plugins.knows(resource) || this.#ledger.taken(resource).size > 0;
  }

  #hints(limits: ResourceList, allocated: (resource: string) => ReadonlySet<string>): Hints {
    const {plugins, numaNodes} = this.#options;
    const hints = new Map<string, readonly Hint[] | undefined>();
    for (const [resource, amount] of Object.entries(limits)) {
      if (!this.#isOurs(resource)) continue;
      const devices = plugins.devices(resource);
      if (!isAligned(devices)) {
        hints.set(resource, undefined);
        continue;
      }
      const requested = quantityValue(amount);
      const has = allocated(resource);
      const reusable = has.size > 0 ? new Set<string>() : (this.#reusable.get(resource) ?? new Set<string>());
      const available = has.size > 0 ? has : this.#available(resource);
      const fits =
        has.size > 0 ? has.size === requested : new Set([...available, ...reusable]).size >= requested;
      hints.set(resource, fits ? deviceHints({devices, numaNodes, available, reusable, requested}) : []);
    }
    return hints;
  }

  #available(resource: string): ReadonlySet<string> {
    const taken = this.#ledger.taken(resource);
    return new Set([...this.#options.plugins.healthy(resource)].filter((id) => !taken.has(id)));
  }

  async #allocate(
    container: string,
    resource: string,
    required: number,
    affinity: NumaMask | undefined,
  ): Promise<void> {
    const {pod, plugins} = this.#options;
    const {uid} = pod.metadata;
    const before = this.#ledger.find(uid, container, resource);
    const owned = before === undefined ? undefined : idsOf(before);
    if (owned !== undefined && owned.size !== required)
      throw new Error(
        `pod "${uid}" container "${container}" changed request for resource "${resource}" from ${owned.size} to ${required}`,
      );
    const healthy = plugins.healthy(resource);
    if (!plugins.knows(resource)) throw new Error(`cannot allocate unregistered device ${resource}`);
    if (healthy.size === 0)
      throw new Error(`no healthy devices present; cannot allocate unhealthy devices ${resource}`);
    if (owned !== undefined && [...owned].some((id) => !healthy.has(id)))
      throw new Error(
        `previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${resource}`,
      );
    if (owned !== undefined || required === 0) return;
    const devices = plugins.devices(resource);
    const choice = chooseDevices({
      resource,
      required,
      devices,
      healthy,
      taken: this.#ledger.taken(resource),
      reusable: this.#reusable.get(resource) ?? new Set(),
      affinity,
    });
    const ids = 'ids' in choice ? choice.ids : choice.answer(await this.#preferred(resource, choice.ask));
    if (ids.size < required)
      throw new Error(
        `unexpectedly allocated less resources than required. Requested: ${required}, Got: ${ids.size}`,
      );
    const grant = await this.#grant(resource, ids);
    this.#ledger = this.#ledger.with({uid, container, resource, byNode: byNode(ids, devices), grant});
  }

  async #preferred(resource: string, {from, must, size}: Question): Promise<ReadonlySet<string>> {
    const {client, options} = this.#options.plugins.client(resource);
    if (!options.getPreferredAllocationAvailable) return new Set();
    try {
      return new Set(await client.preferred([...from], [...must], size));
    } catch (error) {
      throw new Error(`device plugin GetPreferredAllocation rpc failed with err: ${rpcMessage(error)}`);
    }
  }

  async #grant(resource: string, ids: ReadonlySet<string>): Promise<DeviceGrant> {
    const {plugins, clock, onGranted} = this.#options;
    const {client} = plugins.client(resource);
    const startMs = clock.monotonic();
    let grant: DeviceGrant | undefined;
    try {
      grant = await client.allocate([...ids]);
    } catch (error) {
      throw new Error(rpcMessage(error));
    } finally {
      onGranted(resource, (clock.monotonic() - startMs) / 1000);
    }
    if (grant === undefined) throw new Error('no containers return in allocation response');
    return grant;
  }
}
