import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {isAlreadyExists, isNotFound} from '../../edges/kube/errors.ts';
import {isOlderVersion} from '../../edges/kube/watch/object-store.ts';
import {type Reflector, startReflector} from '../../edges/kube/watch/reflector.ts';
import {readHostFacts} from '../../edges/machine/host-facts.ts';
import {withCode} from '../../lib/codes/spoken.ts';
import {Queue} from '../../lib/control/queue.ts';
import {describeError} from '../../lib/errors.ts';
import type {Node} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {nodes} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';
import type {RuntimeReadiness} from '../agent/agent-api.ts';
import type {StartupMetrics} from '../stats/metrics/startup-metrics.ts';
import type {NodeAddress} from './addresses.ts';
import {isReady, type NodeEvent} from './conditions.ts';
import {decideNode, isUnschedulable, type NodeAct, type NodeSeen, type Untaken} from './decide.ts';
import {isTaken} from './labels.ts';
import {LeaseRenewer} from './lease.ts';
import {MachineSight} from './machine-sight.ts';
import type {Pressure} from './pressure.ts';
import type {DeviceCounts} from './resources.ts';
import {untakenStatus} from './status.ts';

export type NodeAgentOptions = {
  readonly config: KubeletConfig;
  readonly client: KubeClient;
  /** For leases only: heartbeats have a connection of their own. */
  readonly heartbeatClient: KubeClient;
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly runtimeReady: () => RuntimeReadiness;
  readonly volumesInUse: () => readonly string[];
  /** Devices that plugins of this node have. */
  readonly devices?: () => DeviceCounts;
  /** What this node runs short of. */
  readonly pressure: () => Pressure;
  /** Further reasons why it is not Ready. */
  readonly problems?: () => readonly string[];
  readonly recordEvent: (event: NodeEvent, node: Node | undefined) => void;
  /** Each new state of our Node; undefined when it was deleted. */
  readonly onNode?: (node: Node | undefined) => void;
  readonly telemetry?: {readonly startup: StartupMetrics};
};

export type NodeAgent = {
  /** Our Node as last known. */
  node(): Node | undefined;
  /** Something that the status tells has changed (volumes in use, readiness). */
  changed(): void;
  addresses(): readonly NodeAddress[];
  stop(): Promise<void>;
};

const key = 'node';
/** kubelet_node_status.go: registration is tried again after 100 ms, doubling to 7 s. */
const backoff = {firstMs: 100, maxMs: 7_000, resetAfterMs: 60_000};
/** A node that is not Ready after so long waits for its regular rounds. */
const fastForMs = 30_000;
const changedMs = 1_000;
const startingForMs = 5_000;
const startingMs = 50;

export function startNodeAgent(options: NodeAgentOptions): NodeAgent {
  return new NodeReconciler(options).start();
}

class NodeReconciler {
  readonly #options: NodeAgentOptions;
  readonly #queue: Queue;
  readonly #lease: LeaseRenewer;
  readonly #reflector: Reflector<Node>;
  readonly #machine: MachineSight;
  readonly #startedMs: number;
  #node: Node | undefined;
  #reportedMs: number | undefined;
  #reportDelayMs = 0;
  #wasReady = false;
  #unschedulable = false;
  #isLabelled = false;
  #untaken: Untaken = {status: {}};

  constructor(options: NodeAgentOptions) {
    const {client, clock, log, config} = options;
    this.#options = options;
    this.#machine = new MachineSight(options);
    this.#startedMs = clock.monotonic();
    this.#queue = new Queue({
      clock,
      concurrency: 1,
      backoff,
      work: (_key, signal) => this.#round(signal),
      onError: (_key, error, retryInMs) =>
        log.warn('the Node could not be updated', {error: describeError(error), retryInMs}),
    });
    this.#lease = new LeaseRenewer({
      client: options.heartbeatClient,
      clock,
      log,
      nodeName: config.nodeName,
      durationSeconds: config.nodeLeaseDurationSeconds,
      node: () => this.#node,
    });
    this.#reflector = startReflector<Node>({
      client,
      clock,
      log,
      resource: nodes,
      query: {fieldSelector: `metadata.name=${config.nodeName}`},
      onEvent: ({type, object}) => this.#learn(type === 'deleted' ? undefined : object),
    });
  }

  start(): NodeAgent {
    this.#queue.enqueue(key);
    this.#lease.start();
    return {
      node: () => this.#node,
      changed: () => this.#queue.enqueue(key),
      addresses: () => this.#machine.known(),
      stop: async () => {
        await Promise.all([this.#queue.stop(), this.#lease.stop(), this.#reflector.stop()]);
      },
    };
  }

  /** Keeps the newest state, whether a watch or the answer to a patch told it. */
  #learn(node: Node | undefined): void {
    const known = this.#node;
    if (
      known !== undefined &&
      node !== undefined &&
      isOlderVersion(node.metadata.resourceVersion, known.metadata.resourceVersion)
    )
      return;
    this.#node = node;
    if (isReady(node)) this.#options.telemetry?.startup.ready(this.#options.clock.now());
    this.#options.onNode?.(node);
    // Deleted by somebody: registered anew at once. Changed by somebody: what is ours is put right, but not in a race.
    if (node === undefined || this.#reportedMs === undefined) this.#queue.enqueue(key);
    else this.#queue.enqueueAfter(key, changedMs);
  }

  async #round(signal: AbortSignal): Promise<{againInMs?: number}> {
    if (this.#isStarting()) return {againInMs: startingMs};
    const seen = await this.#observe();
    // The Node may have become known meanwhile.
    if (this.#isStarting()) return {againInMs: startingMs};
    const decision = decideNode(seen);
    await this.#applyAll(decision.acts, signal);
    this.#isLabelled ||= this.#node !== undefined;
    this.#unschedulable = isUnschedulable(seen.node);
    return decision.againInMs === undefined ? {} : {againInMs: decision.againInMs};
  }

  /** A restart must not make a Ready node NotReady only because something has not been looked at or set up yet. */
  #isStarting(): boolean {
    const {clock, runtimeReady, problems} = this.#options;
    if (this.#node === undefined || clock.monotonic() - this.#startedMs >= startingForMs) return false;
    return !runtimeReady().seen || (problems?.() ?? []).length > 0;
  }

  async #observe(): Promise<NodeSeen> {
    const {config, clock, volumesInUse, devices} = this.#options;
    const [facts, runtime, images, addresses] = await Promise.all([
      readHostFacts(config.rootDir),
      this.#machine.runtime(),
      this.#machine.images(),
      this.#machine.addresses(this.#node?.status?.addresses ?? []),
    ]);
    const monotonicMs = clock.monotonic();
    return {
      nowMs: clock.now(),
      monotonicMs,
      config,
      facts,
      runtime,
      images,
      addresses,
      volumesInUse: volumesInUse(),
      ...(devices === undefined ? {} : {devices: devices()}),
      pressure: this.#options.pressure(),
      problems: this.#problems(),
      node: this.#node,
      reportedMs: this.#reportedMs,
      reportDelayMs: this.#reportDelayMs,
      fast: !this.#wasReady && monotonicMs - this.#startedMs < fastForMs,
      unschedulable: this.#unschedulable,
      isLabelled: this.#isLabelled,
      untaken: this.#untaken,
    };
  }

  #problems(): string[] {
    const {runtimeReady, problems} = this.#options;
    const readiness = runtimeReady();
    return [
      ...(readiness.ok ? [] : [withCode(readiness.reason || 'container runtime is down')]),
      ...(problems?.() ?? []),
    ];
  }

  /** Somebody's webhook that wants no label of ours is no reason to tell no status. */
  async #applyAll(acts: readonly NodeAct[], signal: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    for (const act of acts)
      await this.#apply(act, signal).catch((error: unknown) => {
        if (act.type !== 'patch-metadata') throw error;
        failures.push(error);
      });
    if (failures.length > 0) throw failures[0];
  }

  async #apply(act: NodeAct, signal: AbortSignal): Promise<void> {
    const {client, config, recordEvent} = this.#options;
    const {nodeName: name} = config;
    switch (act.type) {
      case 'create':
        return this.#create(act, signal);
      case 'patch-metadata': {
        const {body} = act;
        const node = await client.patch(nodes, {name}, {type: 'merge', body}, {signal});
        this.#untaken = {...this.#untaken, metadata: isTaken(body, node.metadata) ? undefined : body};
        this.#learn(node);
        return;
      }
      case 'patch-status':
        return this.#patchStatus(act, signal);
      case 'event':
        recordEvent(act.event, this.#node);
        return;
      default:
        act satisfies never;
    }
  }

  async #create(act: Extract<NodeAct, {type: 'create'}>, signal: AbortSignal): Promise<void> {
    const {client, config, clock, log, telemetry} = this.#options;
    telemetry?.startup.registering(clock.now());
    try {
      const node = await client.create(nodes, act.node, {}, {signal});
      telemetry?.startup.registered(clock.now());
      this.#learn(node);
      this.#reportedMs = clock.monotonic();
      log.info('registered the Node', {node: config.nodeName});
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      this.#learn(await client.get(nodes, {name: config.nodeName}, {signal}));
      log.info('the Node was registered before', {node: config.nodeName});
    }
  }

  async #patchStatus(act: Extract<NodeAct, {type: 'patch-status'}>, signal: AbortSignal): Promise<void> {
    const {client, config, clock, log} = this.#options;
    const first = this.#reportedMs === undefined;
    try {
      const node = await client.patch(
        nodes,
        {name: config.nodeName, subresource: 'status'},
        {type: 'strategic', body: act.body},
        {signal, timeoutMs: config.nodeStatusUpdateFrequency},
      );
      this.#untaken = {...this.#untaken, status: untakenStatus(node.status ?? {}, act.status)};
      this.#learn(node);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#learn(undefined);
      return;
    }
    this.#reportedMs = clock.monotonic();
    // Spread by up to half the period after a change, so that nodes do not all report at once.
    const period = config.nodeStatusReportFrequency;
    this.#reportDelayMs = act.changed || first ? period * (Math.random() - 0.5) : 0;
    if (act.ready && !this.#wasReady) log.info('the Node is Ready', {node: config.nodeName});
    this.#wasReady ||= act.ready;
  }
}
