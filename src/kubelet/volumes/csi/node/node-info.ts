import {sleep} from '../../../../edges/clock.ts';
import type {KubeClient} from '../../../../edges/kube/client.ts';
import {isAlreadyExists, isConflict, isNotFound} from '../../../../edges/kube/errors.ts';
import {Serial} from '../../../../lib/control/serial.ts';
import {describeError} from '../../../../lib/errors.ts';
import type {CsiNode, Node} from '../../../../lib/kubernetes.ts';
import type {Logger} from '../../../../lib/log.ts';
import {csiNodes, nodes} from '../../../../lib/resources.ts';
import {
  announceDriver,
  type DriverNode,
  isOwnedBy,
  newCsiNode,
  withDriver,
  withdrawDriver,
  withMigration,
  withoutDriver,
} from './csi-node.ts';

export type NodeInfoOptions = {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly log: Logger;
};

const timeoutMs = 10_000;
/** nodeinfomanager: an update that met another one is done again so often, a little later each time. */
const retryMs: readonly number[] = [10, 50, 250, 1_250];
/** Until the API server is there, and our Node. */
const initialRetryMs = 1_000;

/** Keeps what drivers say of this node in its CSINode and its Node. */
export class NodeInfo {
  readonly #options: NodeInfoOptions;
  readonly #serial = new Serial();
  readonly #registered = Promise.withResolvers<void>();
  #problem: string | undefined = 'CSINode is not yet initialized';

  constructor(options: NodeInfoOptions) {
    this.#options = options;
  }

  /** Why the node must not be Ready yet. */
  problem(): string | undefined {
    return this.#problem;
  }

  /** Our Node is there. */
  registered(): void {
    this.#registered.resolve();
  }

  /** Sees to it that there is a CSINode and that it is ours; tries until it is so. */
  async initialize(signal: AbortSignal, onReady: () => void): Promise<void> {
    await Promise.race([this.#registered.promise, aborted(signal)]);
    while (!signal.aborted)
      try {
        await this.#serially((node) => this.#csiNode(node, signal).then(() => undefined), signal);
        this.#problem = undefined;
        onReady();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!isNotFound(error)) {
          this.#problem = `failed to initialize CSINode: ${describeError(error)}`;
          this.#options.log.warn('the CSINode could not be made', {error: describeError(error)});
        }
        await sleep(initialRetryMs, signal).catch(() => undefined);
      }
  }

  async install(driver: DriverNode, signal: AbortSignal): Promise<void> {
    if (driver.nodeId === '')
      throw new Error('error adding CSI driver node info: driverNodeID must not be empty');
    await this.#serially(async (node) => {
      await this.#patchNode(announceDriver(node, driver), signal);
    }, signal);
    await this.update(driver, signal);
  }

  /** Only the CSINode: how many volumes there may be can change while the driver runs. */
  async update(driver: DriverNode, signal?: AbortSignal): Promise<void> {
    await this.#serially(async (node) => {
      const csiNode = await this.#csiNode(node, signal);
      await this.#setDrivers(csiNode, withDriver(csiNode, driver), signal);
    }, signal);
  }

  async uninstall(name: string): Promise<void> {
    const {client, nodeName} = this.#options;
    await this.#serially(async (node) => {
      try {
        const csiNode = await client.get(csiNodes, {name: nodeName}, {timeoutMs});
        await this.#setDrivers(csiNode, withoutDriver(csiNode, name));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      await this.#patchNode(withdrawDriver(node, name));
    });
  }

  /** Read, changed, written; done anew when somebody else has written in between. */
  #serially(work: (node: Node) => Promise<void>, signal?: AbortSignal): Promise<void> {
    const {client, nodeName} = this.#options;
    return this.#serial.run('node', async () => {
      for (let attempt = 0; ; attempt++)
        try {
          const node = await client.get(nodes, {name: nodeName}, callOptions(signal));
          await work(node);
          return;
        } catch (error) {
          signal?.throwIfAborted();
          const ms = retryMs[attempt];
          if (ms === undefined || !(isConflict(error) || isAlreadyExists(error))) throw error;
          await sleep(ms, signal);
        }
    });
  }

  async #csiNode(node: Node, signal: AbortSignal | undefined): Promise<CsiNode> {
    const {client, nodeName, log} = this.#options;
    try {
      const found = await client.get(csiNodes, {name: nodeName}, callOptions(signal));
      if (isOwnedBy(found, node)) {
        const changed = withMigration(found);
        return changed === undefined
          ? found
          : client.update(csiNodes, changed, undefined, callOptions(signal));
      }
      log.warn('the CSINode belongs to a Node of the past and is made anew', {node: nodeName});
      await client.delete(csiNodes, {name: nodeName}, {preconditions: {uid: found.metadata.uid}});
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return client.create(csiNodes, newCsiNode(node), {}, callOptions(signal));
  }

  async #setDrivers(
    csiNode: CsiNode,
    drivers: CsiNode['spec']['drivers'] | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    if (drivers === undefined) return;
    await this.#options.client.update(
      csiNodes,
      {...csiNode, spec: {...csiNode.spec, drivers}},
      undefined,
      callOptions(signal),
    );
  }

  /** Through the status: there a kubelet may write its Node's metadata beside it (nodeutil.PatchNodeStatus). */
  async #patchNode(metadata: object | undefined, signal?: AbortSignal): Promise<void> {
    if (metadata === undefined) return;
    const key = {name: this.#options.nodeName, subresource: 'status'};
    await this.#options.client.patch(nodes, key, {type: 'strategic', body: {metadata}}, callOptions(signal));
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), {once: true}));
}

function callOptions(signal: AbortSignal | undefined) {
  return signal === undefined ? {timeoutMs} : {timeoutMs, signal};
}
