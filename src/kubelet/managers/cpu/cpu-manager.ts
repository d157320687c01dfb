import {cpuOptions} from '../../../config/kubelet/rules/managers.ts';
import type {KubeletConfig} from '../../../config/kubelet.ts';
import type {MachineTopology} from '../../../edges/machine/machine-topology.ts';
import {type CpuSet, difference, intersection, noCpus, parseCpuSet, union} from '../../../lib/cpu-set.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import type {Logger} from '../../../lib/log.ts';
import {quantityMilli} from '../../../lib/quantity.ts';
import type {ProcessorCounts} from '../../stats/metrics/manager-metrics.ts';
import type {Hint, Hints} from '../numa.ts';
import {StateFile} from '../state-file.ts';
import {containersOf, endsFirst, type InUse, type PodDraft, type ResourceProvider} from '../types.ts';
import {
  assignCpus,
  type CpuPolicy,
  cpuHints,
  cpuPolicy,
  enforceCores,
  exclusiveCpus,
  validState,
} from './cpu-policy.ts';
import {type CpuState, cpuStateName, emptyCpuState, readCpuState, writeCpuState} from './cpu-state.ts';
import {cpuTopology} from './cpu-topology.ts';

export type CpuManagerOptions = {
  readonly config: KubeletConfig;
  readonly machine: MachineTopology;
  readonly inUse: InUse;
  readonly log: Logger;
};

/** Processors of their own for containers of Guaranteed pods (pkg/kubelet/cm/cpumanager). */
export class CpuManager implements ResourceProvider {
  readonly #options: CpuManagerOptions;
  readonly #policy: CpuPolicy | undefined;
  readonly #file: StateFile;
  #state: CpuState = emptyCpuState;

  private constructor(options: CpuManagerOptions, policy: CpuPolicy | undefined) {
    this.#options = options;
    this.#policy = policy;
    this.#file = new StateFile(`${options.config.rootDir}/${cpuStateName}`, options.log);
  }

  /** @throws NodectlError when what is on disk, or the machine, does not fit the configuration */
  static async start(options: CpuManagerOptions): Promise<CpuManager> {
    const {config, machine} = options;
    const {cpuManagerPolicy, kubeReserved, systemReserved} = config;
    const policy =
      cpuManagerPolicy === 'none'
        ? undefined
        : cpuPolicy(
            cpuTopology(machine.cpus),
            cpuOptions(config),
            quantityMilli(kubeReserved.cpu) + quantityMilli(systemReserved.cpu),
            parseCpuSet(config.reservedSystemCPUs) ?? noCpus,
          );
    const manager = new CpuManager(options, policy);
    manager.#state = await manager.#file.read((text) => {
      const known = text === undefined ? emptyCpuState : readCpuState(text, cpuManagerPolicy);
      return policy === undefined ? known : validState(policy, known);
    });
    await manager.#write();
    return manager;
  }

  draft(pod: Pod): PodDraft {
    if (this.#policy === undefined) return idle;
    this.#release();
    return new CpuDraft(this.#policy, pod, this.#state, (state) => {
      this.#state = state;
      return this.#write();
    });
  }

  /** The processors that the container runs on; undefined: on all. */
  cpusOf(uid: string, container: string): CpuSet | undefined {
    if (this.#policy === undefined) return undefined;
    const {shared} = this.#state;
    return this.exclusive(uid, container) ?? (shared.size === 0 ? undefined : shared);
  }

  holds(uid: string): boolean {
    return this.#state.assignments.has(uid);
  }

  /** The container's own processors. */
  exclusive(uid: string, container: string): CpuSet | undefined {
    return this.#state.assignments.get(uid)?.get(container);
  }

  /** How many processors are free to become somebody's own, and how many are. */
  counts(): ProcessorCounts {
    if (this.#policy === undefined) return {shared: 0, exclusive: 0, perNode: new Map()};
    const {shared, assignments} = this.#state;
    const {topology, reserved} = this.#policy;
    const own = union(...[...assignments.values()].flatMap((containers) => [...containers.values()]));
    const {details} = topology;
    const perNode = details
      .names('node')
      .map((node) => [node, intersection(own, details.within('node', node)).size] as const);
    return {shared: difference(shared, reserved).size, exclusive: own.size, perNode: new Map(perNode)};
  }

  get isStatic(): boolean {
    return this.#policy !== undefined;
  }

  /** Whether cores are given away as a whole only. */
  get wholeCores(): boolean {
    return this.#policy?.options.fullPcpusOnly === true;
  }

  /** Whether the container's own processors share one cache (topology.go, CheckAlignment). */
  isInOneCache(uid: string, container: string): boolean {
    const own = this.exclusive(uid, container) ?? noCpus;
    return this.#policy?.topology.details.only(own).names('uncore').length === 1;
  }

  /** Processors that can become somebody's own; without a policy none can. */
  allocatable(): CpuSet {
    if (this.#policy === undefined) return noCpus;
    return difference(this.#policy.topology.details.all(), this.#policy.reserved);
  }

  /** What pods had that are over is shared again. */
  async collect(): Promise<void> {
    this.#release();
    await this.#write();
  }

  #release(): void {
    const uids = this.#options.inUse();
    if (uids === undefined) return;
    const over = [...this.#state.assignments].filter(([uid]) => !uids.has(uid));
    if (over.length === 0) return;
    const assignments = new Map([...this.#state.assignments].filter(([uid]) => uids.has(uid)));
    const freed = union(...over.flatMap(([, containers]) => [...containers.values()]));
    this.#state = {assignments, shared: union(this.#state.shared, freed)};
  }

  #write(): Promise<void> {
    return this.#file.write(writeCpuState(this.#options.config.cpuManagerPolicy, this.#state));
  }
}

/** What gives nothing, and has no wish. */
export const idle: PodDraft = {
  hints: () => new Map(),
  podHints: () => new Map(),
  allocate: () => undefined,
  commit: () => Promise.resolve(),
};

class CpuDraft implements PodDraft {
  readonly #policy: CpuPolicy;
  readonly #pod: Pod;
  readonly #commit: (state: CpuState) => Promise<void>;
  readonly #before: CpuState;
  #state: CpuState;
  #reusable: CpuSet = noCpus;

  constructor(policy: CpuPolicy, pod: Pod, state: CpuState, commit: (state: CpuState) => Promise<void>) {
    this.#policy = policy;
    this.#pod = pod;
    this.#before = state;
    this.#state = state;
    this.#commit = commit;
  }

  hints(container: Container): Hints {
    const count = exclusiveCpus(this.#pod, container);
    if (count === 0) return new Map();
    const own = this.#own(container);
    if (own !== undefined) return this.#again(own, count);
    return new Map([['cpu', cpuHints(this.#policy, this.#available(), this.#reusable, count)]]);
  }

  podHints(): Hints {
    const count = this.#podCpus();
    if (count === 0) return new Map();
    const own = containersOf(this.#pod).map((container) => ({container, cpus: this.#own(container)}));
    if (
      own.some(({container, cpus}) => cpus !== undefined && cpus.size !== exclusiveCpus(this.#pod, container))
    )
      return new Map([['cpu', []]]);
    const all = union(...own.map(({cpus}) => cpus ?? noCpus));
    if (all.size === count) return this.#again(all, count);
    return new Map([['cpu', cpuHints(this.#policy, this.#available(), union(this.#reusable, all), count)]]);
  }

  allocate(container: Container, {affinity}: Hint): void {
    const count = exclusiveCpus(this.#pod, container);
    if (count === 0) return;
    let own = this.#own(container);
    if (own === undefined) {
      enforceCores(this.#policy, this.#state, count);
      own = assignCpus(this.#policy, this.#state, count, {affinity, reusable: this.#reusable});
      this.#assign(container, own);
    }
    this.#reusable = endsFirst(this.#pod, container)
      ? union(this.#reusable, own)
      : difference(this.#reusable, own);
  }

  commit(): Promise<void> {
    return this.#state === this.#before ? Promise.resolve() : this.#commit(this.#state);
  }

  #own({name}: Container): CpuSet | undefined {
    return this.#state.assignments.get(this.#pod.metadata.uid)?.get(name);
  }

  #available(): CpuSet {
    return difference(this.#state.shared, this.#policy.reserved);
  }

  /** Hints for what it has: as if only that was there. */
  #again(own: CpuSet, count: number): Hints {
    return new Map([['cpu', own.size === count ? cpuHints(this.#policy, own, noCpus, count) : []]]);
  }

  #assign({name}: Container, cpus: CpuSet): void {
    const {uid} = this.#pod.metadata;
    const {assignments, shared} = this.#state;
    const containers = new Map([...(assignments.get(uid) ?? []), [name, cpus] as const]);
    this.#state = {
      assignments: new Map([...assignments, [uid, containers] as const]),
      shared: difference(shared, cpus),
    };
  }

  /** At the largest moment of the pod's life. */
  #podCpus(): number {
    const {initContainers = [], containers} = this.#pod.spec;
    let sidecars = 0;
    let start = 0;
    for (const init of initContainers) {
      const count = exclusiveCpus(this.#pod, init);
      if (init.restartPolicy === 'Always') sidecars += count;
      else start = Math.max(start, sidecars + count);
    }
    const running = containers.reduce((sum, c) => sum + exclusiveCpus(this.#pod, c), sidecars);
    return Math.max(start, running);
  }
}
