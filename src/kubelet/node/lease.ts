import {pause} from '../../edges/clock.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {isConflict, isNotFound} from '../../edges/kube/errors.ts';
import {Backoff, jittered} from '../../lib/control/backoff.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import type {Draft, Lease, Node} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {leases} from '../../lib/resources.ts';
import {type Clock, microTimestamp} from '../../lib/time.ts';

export const leaseNamespace = 'kube-node-lease';

/** component-helpers' lease controller: renewed after a quarter of its duration, with 4 % of jitter. */
const renewFraction = 0.25;
const jitter = 0.04;
const nodeCheckMs = 200;
const backoffOptions = {firstMs: 400, maxMs: 14_000};

export type LeaseSeen = {
  readonly nowMs: number;
  readonly nodeName: string;
  readonly durationSeconds: number;
  /** The Node as far as it is known: the lease is collected with it. */
  readonly node: Node;
  readonly lease: Lease | undefined;
};

export type LeaseAct =
  | {readonly type: 'create'; readonly lease: Draft<Lease>}
  | {readonly type: 'update'; readonly lease: Lease};

/** The lease as it must be written now. */
export function decideLease({nowMs, nodeName, durationSeconds, node, lease}: LeaseSeen): LeaseAct {
  const spec = {
    ...lease?.spec,
    holderIdentity: nodeName,
    leaseDurationSeconds: durationSeconds,
    renewTime: microTimestamp(nowMs),
  };
  const owner = [{apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid}];
  if (lease === undefined)
    return {
      type: 'create',
      lease: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: {name: nodeName, namespace: leaseNamespace, ownerReferences: owner},
        spec,
      },
    };
  // Another Node of the same name would have the lease collected with its predecessor.
  const stale = lease.metadata.ownerReferences?.[0]?.uid !== node.metadata.uid;
  const metadata = stale ? {...lease.metadata, ownerReferences: owner} : lease.metadata;
  return {type: 'update', lease: {...lease, metadata, spec}};
}

export type LeaseOptions = {
  /** A connection of its own, so that heartbeats never wait behind other requests. */
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
  readonly durationSeconds: number;
  readonly node: () => Node | undefined;
};

/** Renews the lease until stopped; what fails is tried again soon. */
export class LeaseRenewer {
  readonly #options: LeaseOptions;
  readonly #backoff = new Backoff(backoffOptions);
  readonly #controller = new AbortController();
  #lease: Lease | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#controller.abort(new Error('stopping'));
    await this.#loop;
  }

  get #everyMs(): number {
    return this.#options.durationSeconds * 1000 * renewFraction;
  }

  async #run(): Promise<void> {
    const {clock, log} = this.#options;
    const {signal} = this.#controller;
    while (!signal.aborted) {
      // The lease belongs to the Node, so the Node comes first.
      if (this.#options.node() === undefined) {
        await pause(clock, nodeCheckMs, signal);
        continue;
      }
      let waitMs = this.#everyMs * (1 + jitter * Math.random());
      try {
        await this.#renew(signal);
        this.#backoff.succeed('');
      } catch (error) {
        if (signal.aborted) return;
        // A create that met another's object, or an update that lost, starts again from what is there.
        this.#lease = undefined;
        waitMs = Math.min(waitMs, jittered(this.#backoff.fail('', clock.monotonic()), Math.random()));
        log.warn('the node lease could not be renewed', {
          error: describeError(error),
          retryInMs: Math.round(waitMs),
        });
      }
      await pause(clock, waitMs, signal);
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const {client} = this.#options;
    const options = {signal, timeoutMs: this.#everyMs};
    const lease = this.#lease ?? (await this.#find(options));
    const act = this.#decide(lease);
    switch (act.type) {
      case 'create':
        this.#lease = await client.create(leases, act.lease, {}, options);
        return;
      case 'update':
        this.#lease = await client.update(leases, act.lease, undefined, options).catch((error: unknown) => {
          if (!isConflict(error) && !isNotFound(error)) throw error;
          return this.#again(options);
        });
        return;
      default:
        act satisfies never;
    }
  }

  /** The lease was changed or deleted by another: once more from what is there now. */
  async #again(options: {signal: AbortSignal; timeoutMs: number}): Promise<Lease> {
    const {client} = this.#options;
    const act = this.#decide(await this.#find(options));
    return act.type === 'create'
      ? client.create(leases, act.lease, {}, options)
      : client.update(leases, act.lease, undefined, options);
  }

  #decide(lease: Lease | undefined): LeaseAct {
    const {clock, node, nodeName, durationSeconds} = this.#options;
    const owner = node();
    if (owner === undefined) throw new NodectlError('ND704', `the Node ${nodeName} does not exist`);
    return decideLease({nowMs: clock.now(), nodeName, durationSeconds, node: owner, lease});
  }

  async #find(options: {signal: AbortSignal; timeoutMs: number}): Promise<Lease | undefined> {
    const {client, nodeName} = this.#options;
    try {
      return await client.get(leases, {name: nodeName, namespace: leaseNamespace}, options);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
