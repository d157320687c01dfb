import {topologyOptions} from '../../config/kubelet/rules/managers.ts';
import type {KubeletConfig} from '../../config/kubelet.ts';
import {type MachineTopology, readMachineTopology} from '../../edges/machine/machine-topology.ts';
import {Serial} from '../../lib/control/serial.ts';
import {type CpuSet, formatCpuSet, sorted} from '../../lib/cpu-set.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import type {Container, ContainerStatus, Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {Rejection} from '../admission/types.ts';
import type {DeviceAdditions} from '../devices/grants.ts';
import {DeviceManager} from '../devices/manager.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import {CpuManager} from './cpu/cpu-manager.ts';
import {MemoryManager} from './memory/memory-manager.ts';
import type {Hint} from './numa.ts';
import {Tally} from './tally.ts';
import {align, type TopologyPolicy} from './topology.ts';
import {AdmissionError, containersOf, type InUse, type Placement, type PodDraft} from './types.ts';

export type ResourceManagersOptions = {
  readonly config: KubeletConfig;
  readonly clock: Clock;
  readonly log: Logger;
  /** The Node's capacity has changed. */
  readonly onStatus: () => void;
  /** Devices of these pods have come, gone, or changed their health. */
  readonly onPods: (uids: readonly string[]) => void;
  readonly telemetry?: Pick<Telemetry, 'node' | 'managers'>;
  /** As it is for the whole machine; given by tests. */
  readonly machine?: MachineTopology;
};

const misalignment = 'TopologyAffinityError';
const noHint: Hint = {affinity: undefined, preferred: false};

/** What of the node's devices, processors and memory is one container's alone (pkg/kubelet/cm). */
export class ResourceManagers {
  readonly devices: DeviceManager;
  readonly cpus: CpuManager;
  readonly memory: MemoryManager;
  readonly machine: MachineTopology;
  readonly #options: ResourceManagersOptions;
  readonly #policy: TopologyPolicy | undefined;
  readonly #tally: Tally;
  readonly #followers: {inUse: InUse; onPlaced: () => void};
  /** One pod after the other: what one gets, the next one cannot. */
  readonly #serial = new Serial();

  private constructor(
    options: ResourceManagersOptions,
    parts: Pick<ResourceManagers, 'devices' | 'cpus' | 'memory' | 'machine'>,
    followers: {inUse: InUse; onPlaced: () => void},
  ) {
    this.devices = parts.devices;
    this.cpus = parts.cpus;
    this.memory = parts.memory;
    this.machine = parts.machine;
    this.#options = options;
    this.#followers = followers;
    this.#policy = topologyPolicy(options.config, parts.machine);
    const {topologyManagerPolicy: policy, topologyManagerScope: scope} = options.config;
    this.#tally = new Tally(options.telemetry?.managers, parts, {policy, scope});
    this.#placed();
  }

  /** @throws NodectlError when the configuration fits neither this machine nor what an earlier kubelet has left */
  static async start(options: ResourceManagersOptions): Promise<ResourceManagers> {
    const {config} = options;
    const machine = options.machine ?? (await readMachineTopology());
    const followers: {inUse: InUse; onPlaced: () => void} = {
      inUse: () => undefined,
      onPlaced: () => undefined,
    };
    const common = {...options, machine, inUse: () => followers.inUse()};
    try {
      topologyPolicy(config, machine);
      const cpus = await CpuManager.start(common);
      const memory = await MemoryManager.start(common);
      const numaNodes = machine.nodes.map(({id}) => id);
      const devices = await DeviceManager.start({...common, rootDir: config.rootDir, numaNodes});
      return new ResourceManagers(options, {devices, cpus, memory, machine}, followers);
    } catch (error) {
      if (error instanceof NodectlError) throw error;
      throw new NodectlError('ND701', describeError(error), {cause: error});
    }
  }

  /** Who knows which pods hold something, and moves containers when that has changed. */
  follow({inUse, onPlaced}: {readonly inUse: InUse; readonly onPlaced: () => void}): void {
    this.#followers.inUse = inUse;
    this.#followers.onPlaced = onPlaced;
  }

  /** What pods had that are over is free again. */
  collect(): Promise<void> {
    return this.#serial.run('allocate', async () => {
      await this.cpus.collect();
      await this.memory.collect();
      this.#placed();
    });
  }

  /** Gives the pod's containers what they ask for, all or nothing; what they have they keep. */
  allocate(pod: Pod): Promise<Rejection | undefined> {
    return this.#serial.run('allocate', async () => {
      const {clock, telemetry} = this.#options;
      const startMs = clock.monotonic();
      let failed = false;
      try {
        await this.#allocate(pod);
        this.#placed();
        return undefined;
      } catch (error) {
        failed = true;
        if (error instanceof AdmissionError) return {reason: error.reason, message: error.message};
        return {
          reason: 'UnexpectedAdmissionError',
          message: `Allocate failed due to ${describeError(error)}, which is unexpected`,
        };
      } finally {
        telemetry?.managers.judged(clock.monotonic() - startMs, failed && this.#policy !== undefined);
      }
    });
  }

  /**
   * Processors and memory of a pod that an earlier kubelet has admitted: it is refused nothing any more. Devices it
   * gets when a container starts, for their plugins may not be there yet.
   */
  restore(pod: Pod): Promise<void> {
    return this.#serial.run('allocate', async () => {
      const drafts = [this.cpus.draft(pod), this.memory.draft(pod)];
      try {
        for (const container of containersOf(pod))
          for (const draft of drafts) await draft.allocate(container, noHint);
        for (const draft of drafts) await draft.commit();
      } catch (error) {
        const {uid} = pod.metadata;
        this.#options.log.warn('a pod has no processors or memory of its own', {
          uid,
          error: describeError(error),
        });
      }
      this.#placed();
    });
  }

  /** What the container's devices add to it. @throws when they are not ready */
  async additions(pod: Pod, container: Container): Promise<DeviceAdditions> {
    if (this.devices.isMissing(pod, container)) {
      const refused = await this.allocate(pod);
      if (refused !== undefined) throw new Error(refused.message);
    }
    return this.devices.additions(pod, container);
  }

  placement({metadata: {uid}}: Pod, {name}: Container): Placement {
    const cpus = this.cpus.cpusOf(uid, name);
    const nodes = this.memory.blocksOf(uid, name).flatMap(({numaAffinity}) => numaAffinity);
    return {
      cpus: text(cpus),
      memoryNodes: nodes.length === 0 ? undefined : sorted(new Set(nodes)).join(','),
      exclusive: this.cpus.exclusive(uid, name) !== undefined,
    };
  }

  /** A container of the pod has processors of its own: the pod as a whole gets no quota either. */
  hasExclusiveCpus(pod: Pod): boolean {
    return containersOf(pod).some(({name}) => this.cpus.exclusive(pod.metadata.uid, name) !== undefined);
  }

  /** Why the container cannot start just now: what it was given is not there (again) yet. */
  waitsFor({metadata}: Pod, {name}: Container): string | undefined {
    const resource = this.devices.awaited(metadata.uid, name);
    return resource === undefined
      ? undefined
      : `no healthy devices present; cannot allocate unhealthy devices ${resource}`;
  }

  status(uid: string, container: string): ContainerStatus['allocatedResourcesStatus'] {
    const found = this.devices.status(uid, container);
    return found.length === 0 ? undefined : found;
  }

  /** Whether any of these pods has something that others could get. */
  holdsAny(uids: ReadonlySet<string>): boolean {
    return [...uids].some((uid) => this.devices.holds(uid) || this.cpus.holds(uid) || this.memory.holds(uid));
  }

  stop(): Promise<void> {
    return this.devices.stop();
  }

  #placed(): void {
    this.#options.telemetry?.managers.processors(this.cpus.counts());
    this.#followers.onPlaced();
  }

  async #allocate(pod: Pod): Promise<void> {
    const before = this.#tally.held(pod);
    const drafts: readonly PodDraft[] = [
      this.devices.draft(pod),
      this.#tally.counted('cpu', this.cpus.draft(pod)),
      this.#tally.counted('memory', this.memory.draft(pod)),
    ];
    const wholePod = this.#options.config.topologyManagerScope === 'pod';
    const common = wholePod ? this.#aligned(drafts.map((draft) => draft.podHints())) : undefined;
    for (const container of containersOf(pod)) {
      const hint = common ?? this.#aligned(drafts.map((draft) => draft.hints(container)));
      for (const draft of drafts) await draft.allocate(container, hint);
    }
    for (const draft of drafts) await draft.commit();
    this.#tally.admitted(pod, before);
  }

  #aligned(hints: Parameters<typeof align>[1]): Hint {
    if (this.#policy === undefined) return noHint;
    const {hint, admit} = align(this.#policy, hints);
    if (admit) return hint;
    this.#tally.misaligned();
    throw new AdmissionError(misalignment, 'Resources cannot be allocated with Topology locality');
  }
}

function text(cpus: CpuSet | undefined): string | undefined {
  return cpus === undefined || cpus.size === 0 ? undefined : formatCpuSet(cpus);
}

function topologyPolicy(config: KubeletConfig, {nodes}: MachineTopology): TopologyPolicy | undefined {
  const {topologyManagerPolicy: name} = config;
  if (name === 'none') return undefined;
  const {maxNodes, preferClosestNodes: closest} = topologyOptions(config);
  if (nodes.length > maxNodes)
    throw new Error(`unsupported on machines with more than ${maxNodes} NUMA Nodes`);
  if (closest && nodes.some(({distances}) => distances.length === 0))
    throw new Error('error getting NUMA distances');
  return {name, nodes, closest};
}
