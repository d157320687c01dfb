import type {KubeletConfig} from '../../config/kubelet.ts';
import type {DeviceHealth, DraDevice} from '../../edges/dra/client.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {describeError} from '../../lib/errors.ts';
import type {Container, ContainerStatus, Node, Pod, ResourceClaim} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {resourceClaims} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';
import type {PluginHandler} from '../plugins/types.ts';
import type {DraMetrics, DraOperation} from '../stats/metrics/dra-metrics.ts';
import {batches, byDriverOf, prepareBy, unprepareBy} from './calls.ts';
import {Claims} from './claims.ts';
import {DraDrivers} from './drivers.ts';
import {DraHealthCache} from './health.ts';
import {containerClaims, hasExtended, madeClaims, type PodClaim, podClaims, refusal} from './pod-claims.ts';
import {SliceWiper} from './slices.ts';
import {claimStatus} from './status.ts';
import {type ClaimRecord, claimKey} from './types.ts';

export type DynamicResourcesOptions = {
  readonly config: Pick<KubeletConfig, 'rootDir' | 'nodeName'>;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Our Node as last known. */
  readonly node: () => Node | undefined;
  /** What these pods wait for may be there, or the health of their devices has changed. */
  readonly onPods: (uids: readonly string[]) => void;
  readonly telemetry?: {readonly dra: DraMetrics};
};

const callTimeoutMs = 10_000;

type Wanted = {readonly claim: ResourceClaim; readonly record: ClaimRecord};

/** ResourceClaims of pods: prepared by their drivers before the first container, given back after the last (pkg/kubelet/cm/dra). */
export class DynamicResources {
  readonly #options: DynamicResourcesOptions;
  readonly #claims: Claims;
  readonly #health = new DraHealthCache();
  readonly #drivers: DraDrivers;
  readonly #slices: SliceWiper;
  /** Pods that could not be prepared: a driver that comes may be theirs. */
  readonly #waiting = new Set<string>();

  private constructor(options: DynamicResourcesOptions, claims: Claims) {
    this.#options = options;
    this.#claims = claims;
    options.telemetry?.dra.countBy(() =>
      claims.all().flatMap(({prepared, drivers}) => (prepared ? [[...drivers.keys()]] : [])),
    );
    this.#slices = new SliceWiper({...options, nodeName: options.config.nodeName});
    this.#drivers = new DraDrivers({
      ...options,
      onHealth: (driver, devices) => this.#healthTold(driver, devices),
      onCall: (...done) => options.telemetry?.dra.call(...done),
      onRegistered: () => options.onPods([...this.#waiting]),
      onGone: (driver) => this.#slices.gone(driver),
      onBack: (driver) => this.#slices.back(driver),
    });
  }

  /** @throws NodectlError ND721 when what an earlier kubelet has written cannot be read */
  static async start(options: DynamicResourcesOptions): Promise<DynamicResources> {
    return new DynamicResources(options, await Claims.open(options.config.rootDir));
  }

  get handler(): PluginHandler {
    return this.#drivers.handler;
  }

  /** Makes the pod's claims ready for its containers; does nothing to those that are. @throws when they cannot be */
  async prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    try {
      const wanted = podClaims(pod);
      if (wanted.length > 0) await this.#timed('PrepareResources', () => this.#prepare(pod, wanted, signal));
      this.#waiting.delete(pod.metadata.uid);
    } catch (error) {
      this.#waiting.add(pod.metadata.uid);
      throw new Error(`prepare dynamic resources: ${describeError(error)}`, {cause: error});
    }
  }

  /** Gives back what only this pod used. @throws while a driver does not take it */
  async unprepare(uid: string): Promise<void> {
    const keys = this.#claims.ofPod(uid).map(claimKey);
    if (keys.length === 0) return;
    try {
      await this.#timed('UnprepareResources', () => this.#claims.locked(keys, () => this.#unprepare(uid)));
    } catch (error) {
      throw new Error(`unprepare dynamic resources: ${describeError(error)}`, {cause: error});
    }
  }

  /** Whether the pod has claims that were not given back. */
  holds(uid: string): boolean {
    return this.#claims.ofPod(uid).length > 0;
  }

  /** Claims of pods that nobody knows any more are given back, whatever becomes of each other's. */
  async collect(known: ReadonlySet<string>): Promise<void> {
    const {log} = this.#options;
    const gone = this.#claims.all().flatMap(({pods}) => [...pods].filter((uid) => !known.has(uid)));
    for (const uid of new Set(gone))
      await this.unprepare(uid).catch((error: unknown) =>
        log.warn('claims of a pod that is gone could not be given back', {uid, error: describeError(error)}),
      );
    for (const uid of this.#waiting) if (!known.has(uid)) this.#waiting.delete(uid);
  }

  /** Names of the Container Device Interface for a container. @throws when its claims are not ready */
  cdiDevices(pod: Pod, container: Container): string[] {
    const {namespace} = pod.metadata;
    return containerClaims(pod, container).flatMap(({name, requests}) => {
      const record = this.#claims.get(namespace, name);
      if (record === undefined)
        throw new Error(`unable to get claim info for ResourceClaim ${name} in namespace ${namespace}`);
      return requests.flatMap((request) => devicesFor(record, request).flatMap(({cdiDevices}) => cdiDevices));
    });
  }

  /** The claims that a container uses, as far as they are known here. */
  claimsOf(pod: Pod, container: Container): ClaimRecord[] {
    const entries = new Set((container.resources?.claims ?? []).map(({name}) => name));
    return madeClaims(pod)
      .filter(({entry}) => entries.has(entry) || (entry === '' && hasExtended(pod, container)))
      .flatMap(({name}) => this.#claims.get(pod.metadata.namespace, name) ?? []);
  }

  /** status.containerStatuses[].allocatedResourcesStatus of claims. */
  status(pod: Pod, container: Container): NonNullable<ContainerStatus['allocatedResourcesStatus']> {
    const nowMs = this.#options.clock.monotonic();
    return claimStatus(pod, container, {
      record: (name) => this.#claims.get(pod.metadata.namespace, name),
      health: (driver, device) => this.#health.of(driver, device, nowMs),
    });
  }

  async stop(): Promise<void> {
    await Promise.all([this.#drivers.stop(), this.#slices.stop()]);
  }

  async #timed(operation: DraOperation, work: () => Promise<void>): Promise<void> {
    const {clock, telemetry} = this.#options;
    const startMs = clock.monotonic();
    const tell = (failed: boolean) =>
      telemetry?.dra.operation(operation, (clock.monotonic() - startMs) / 1000, failed);
    try {
      await work();
      tell(false);
    } catch (error) {
      tell(true);
      throw error;
    }
  }

  async #prepare(pod: Pod, wanted: readonly PodClaim[], signal: AbortSignal): Promise<void> {
    const {namespace} = pod.metadata;
    const keys = wanted.map(({name}) => claimKey({namespace, name}));
    await this.#claims.locked(keys, async () => {
      const found: Wanted[] = [];
      for (const one of wanted) found.push(await this.#look(pod, one));
      const records = found.map(({record}) => record);
      const byDriver = batches(records);
      // Before anything is noted: without its drivers a claim is nobody’s here. Also of what is prepared: a driver that
      // is away says that something is wrong with the node (cm/dra/manager.go, prepareResources).
      const clients = new Map(
        [...byDriverOf(records).keys()].map((driver) => [driver, this.#drivers.get(driver)] as const),
      );
      for (const {record} of found) {
        record.pods.add(pod.metadata.uid);
        this.#claims.add(record);
      }
      await this.#claims.write();
      for (const [driver, client] of clients) {
        const batch = byDriver.get(driver);
        if (batch !== undefined) await prepareBy(driver, client, batch, signal);
      }
      for (const {record} of found) record.prepared = true;
      await this.#claims.write();
    });
  }

  /** @throws when the pod may not use the claim */
  async #look(pod: Pod, {name, isGenerated}: PodClaim): Promise<Wanted> {
    const {namespace} = pod.metadata;
    const claim = await this.#fetch(namespace, name);
    const refused = refusal(pod, claim, isGenerated);
    if (refused !== undefined) throw new Error(refused);
    const known = this.#claims.get(namespace, name);
    if (known === undefined) return {claim, record: newRecord(claim)};
    if (known.uid === claim.metadata.uid) return {claim, record: known};
    throw new Error(
      `old ResourceClaim with same name ${name} and different UID ${known.uid} still exists (previous pod force-deleted?!)`,
    );
  }

  async #fetch(namespace: string, name: string): Promise<ResourceClaim> {
    try {
      return await this.#options.client.get(resourceClaims, {namespace, name}, {timeoutMs: callTimeoutMs});
    } catch (error) {
      throw new Error(`fetch ResourceClaim ${name}: ${describeError(error)}`, {cause: error});
    }
  }

  async #unprepare(uid: string): Promise<void> {
    const held = this.#claims.ofPod(uid);
    const last = held.filter(({pods}) => pods.size === 1);
    for (const {pods} of held.filter((record) => !last.includes(record))) pods.delete(uid);
    for (const [driver, records] of byDriverOf(last)) await unprepareBy(this.#drivers.get(driver), records);
    for (const record of last) this.#claims.remove(record);
    await this.#claims.write();
  }

  #healthTold(driver: string, devices: readonly DeviceHealth[] | undefined): void {
    const nowMs = this.#options.clock.monotonic();
    const changed =
      devices === undefined ? this.#health.forget(driver) : this.#health.update(driver, devices, nowMs);
    const users = this.#claims
      .all()
      .filter(({drivers}) => drivers.get(driver)?.some((one) => changed.some((other) => isSame(one, other))))
      .flatMap(({pods}) => [...pods]);
    if (users.length > 0) this.#options.onPods([...new Set(users)]);
  }
}

function isSame(a: Pick<DraDevice, 'pool' | 'device'>, b: Pick<DraDevice, 'pool' | 'device'>): boolean {
  return a.pool === b.pool && a.device === b.device;
}

function newRecord({metadata, status}: ResourceClaim): ClaimRecord {
  const results = status?.allocation?.devices?.results ?? [];
  return {
    uid: metadata.uid,
    name: metadata.name,
    namespace: metadata.namespace,
    pods: new Set(),
    drivers: new Map(results.map(({driver}) => [driver, []])),
    prepared: false,
  };
}

/** A device without request names is for all of them. */
function devicesFor({drivers}: ClaimRecord, request: string): DraDevice[] {
  return [...drivers.values()]
    .flat()
    .filter(({requests}) => request === '' || requests.length === 0 || requests.includes(request));
}
