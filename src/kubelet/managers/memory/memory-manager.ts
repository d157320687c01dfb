import type {KubeletConfig} from '../../../config/kubelet.ts';
import type {MachineTopology} from '../../../edges/machine/machine-topology.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import type {Logger} from '../../../lib/log.ts';
import {idle} from '../cpu/cpu-manager.ts';
import {type Hint, type Hints, maskOf, type NumaMask, nodesOf} from '../numa.ts';
import {StateFile} from '../state-file.ts';
import {containersOf, endsFirst, type InUse, type PodDraft, type ResourceProvider} from '../types.ts';
import {
  chooseNodes,
  emptyMachine,
  exclusiveMemory,
  giveBackMemory,
  type MemoryAmounts,
  memoryHints,
  takeMemory,
  validMemoryState,
} from './memory-policy.ts';
import {
  emptyMemoryState,
  type MemoryBlock,
  type MemoryState,
  memoryStateName,
  readMemoryState,
  writeMemoryState,
} from './memory-state.ts';

export type MemoryManagerOptions = {
  readonly config: KubeletConfig;
  readonly machine: MachineTopology;
  readonly inUse: InUse;
  readonly log: Logger;
};

/** Memory of certain NUMA nodes for containers of Guaranteed pods (pkg/kubelet/cm/memorymanager). */
export class MemoryManager implements ResourceProvider {
  readonly #options: MemoryManagerOptions;
  readonly #isStatic: boolean;
  readonly #file: StateFile;
  #state: MemoryState = emptyMemoryState;

  private constructor(options: MemoryManagerOptions) {
    this.#options = options;
    this.#isStatic = options.config.memoryManagerPolicy === 'Static';
    this.#file = new StateFile(`${options.config.rootDir}/${memoryStateName}`, options.log);
  }

  /** @throws NodectlError when what is on disk, or the machine, does not fit the configuration */
  static async start(options: MemoryManagerOptions): Promise<MemoryManager> {
    const {config, machine} = options;
    const manager = new MemoryManager(options);
    const empty = manager.#isStatic ? emptyMachine(machine.nodes, config) : {};
    manager.#state = await manager.#file.read((text) => {
      const known = text === undefined ? emptyMemoryState : readMemoryState(text, config.memoryManagerPolicy);
      return manager.#isStatic ? validMemoryState(empty, known) : known;
    });
    await manager.#write();
    return manager;
  }

  draft(pod: Pod): PodDraft {
    if (!this.#isStatic) return idle;
    this.#release();
    return new MemoryDraft(pod, this.#state, (state) => {
      this.#state = state;
      return this.#write();
    });
  }

  blocksOf(uid: string, container: string): readonly MemoryBlock[] {
    return this.#state.entries[uid]?.[container] ?? [];
  }

  holds(uid: string): boolean {
    return this.#state.entries[uid] !== undefined;
  }

  /** All that can be given away, whoever has it. */
  allocatable(): MemoryBlock[] {
    return Object.entries(this.#state.machineState).flatMap(([id, {memoryMap}]) =>
      Object.entries(memoryMap)
        .filter(([, {allocatable}]) => allocatable > 0)
        .map(([type, {allocatable}]) => ({numaAffinity: [Number(id)], type, size: allocatable})),
    );
  }

  async collect(): Promise<void> {
    this.#release();
    await this.#write();
  }

  #release(): void {
    const uids = this.#options.inUse();
    if (uids === undefined) return;
    const over = Object.entries(this.#state.entries).filter(([uid]) => !uids.has(uid));
    if (over.length === 0) return;
    const machineState = structuredClone(this.#state.machineState);
    for (const [, pod] of over)
      for (const blocks of Object.values(pod))
        for (const block of blocks) giveBackMemory(machineState, block);
    const entries = Object.fromEntries(Object.entries(this.#state.entries).filter(([uid]) => uids.has(uid)));
    this.#state = {machineState, entries};
  }

  #write(): Promise<void> {
    return this.#file.write(writeMemoryState(this.#options.config.memoryManagerPolicy, this.#state));
  }
}

class MemoryDraft implements PodDraft {
  readonly #pod: Pod;
  readonly #state: MemoryState;
  readonly #commit: (state: MemoryState) => Promise<void>;
  /** What init containers leave, by NUMA nodes and type. */
  readonly #reusable = new Map<string, number>();
  #changed = false;

  constructor(pod: Pod, state: MemoryState, commit: (state: MemoryState) => Promise<void>) {
    this.#pod = pod;
    this.#state = structuredClone(state);
    this.#commit = commit;
  }

  hints(container: Container): Hints {
    const own = this.#blocks(container.name);
    const amounts = exclusiveMemory(this.#pod, container);
    return own === undefined ? this.#hints(amounts) : hintsAgain(own, amounts);
  }

  podHints(): Hints {
    const amounts = this.#podMemory();
    for (const {name} of containersOf(this.#pod)) {
      const own = this.#blocks(name);
      if (own !== undefined) return hintsAgain(own, amounts);
    }
    return this.#hints(amounts);
  }

  allocate(container: Container, hint: Hint): void {
    const amounts = exclusiveMemory(this.#pod, container);
    if (Object.keys(amounts).length === 0) return;
    const known = this.#blocks(container.name);
    if (known !== undefined) {
      this.#noteReusable(container, known);
      return;
    }
    const {machineState, entries} = this.#state;
    const mask = chooseNodes(machineState, amounts, hint, (on, name) => this.#left(on, name));
    const numaAffinity = nodesOf(mask);
    const blocks = Object.entries(amounts).map(([type, size]) => ({numaAffinity, type, size}));
    for (const block of blocks)
      takeMemory(machineState, block, Math.max(0, block.size - this.#left(mask, block.type)));
    this.#noteReusable(container, blocks);
    const {uid} = this.#pod.metadata;
    entries[uid] = {...entries[uid], [container.name]: blocks};
    for (const block of blocks) this.#shrinkInits(container, block);
    this.#changed = true;
  }

  commit(): Promise<void> {
    return this.#changed ? this.#commit(this.#state) : Promise.resolve();
  }

  #blocks(container: string): MemoryBlock[] | undefined {
    return this.#state.entries[this.#pod.metadata.uid]?.[container];
  }

  #hints(amounts: MemoryAmounts): Hints {
    const names = Object.keys(amounts);
    if (names.length === 0) return new Map();
    const hints = memoryHints(this.#state.machineState, amounts, (mask, name) => this.#left(mask, name));
    // Where there is no room Kubernetes has no wish either, and the allocation says why it fails.
    return hints.length === 0 ? new Map() : new Map(names.map((name) => [name, hints]));
  }

  #left(mask: NumaMask, type: string): number {
    return this.#reusable.get(`${mask}/${type}`) ?? 0;
  }

  #noteReusable(container: Container, blocks: readonly MemoryBlock[]): void {
    for (const {numaAffinity, type, size} of blocks) {
      const mask = maskOf(numaAffinity);
      const before = this.#left(mask, type);
      const after = endsFirst(this.#pod, container) ? Math.max(before, size) : Math.max(0, before - size);
      this.#reusable.set(`${mask}/${type}`, after);
    }
  }

  /** What is used again is told of one container only, so that it is given back once. */
  #shrinkInits({name}: Container, {numaAffinity, type, size}: MemoryBlock): void {
    let left = size;
    for (const init of this.#pod.spec.initContainers ?? []) {
      if (init.name === name || left === 0) return;
      if (init.restartPolicy === 'Always') continue;
      for (const block of this.#blocks(init.name) ?? []) {
        if (block.type !== type || maskOf(block.numaAffinity) !== maskOf(numaAffinity)) continue;
        const taken = Math.min(left, block.size);
        block.size -= taken;
        left -= taken;
      }
    }
  }

  /** At the largest moment of the pod's life. */
  #podMemory(): MemoryAmounts {
    const sidecars: Record<string, number> = {};
    const start: Record<string, number> = {};
    for (const init of this.#pod.spec.initContainers ?? [])
      for (const [name, bytes] of Object.entries(exclusiveMemory(this.#pod, init))) {
        const beside = sidecars[name] ?? 0;
        if (init.restartPolicy === 'Always') sidecars[name] = beside + bytes;
        else start[name] = Math.max(start[name] ?? 0, beside + bytes);
      }
    const all: Record<string, number> = {};
    for (const container of this.#pod.spec.containers)
      for (const [name, bytes] of Object.entries(exclusiveMemory(this.#pod, container)))
        all[name] = (all[name] ?? 0) + bytes;
    return Object.fromEntries(
      Object.entries(all).map(([name, bytes]) => [
        name,
        Math.max(bytes + (sidecars[name] ?? 0), start[name] ?? 0),
      ]),
    );
  }
}

/** Where it already is; no wish when it asks for something else now, so that it stays. */
function hintsAgain(blocks: readonly MemoryBlock[], amounts: MemoryAmounts): Hints {
  const names = Object.keys(amounts);
  const isSame = blocks.length === names.length && blocks.every(({type, size}) => amounts[type] === size);
  if (!isSame) return new Map();
  return new Map(
    blocks.map(({type, numaAffinity}) => [type, [{affinity: maskOf(numaAffinity), preferred: true}]]),
  );
}
