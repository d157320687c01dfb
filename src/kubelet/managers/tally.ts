import type {Container, Pod} from '../../lib/kubernetes.ts';
import type {Alignment, ManagerMetrics, Pinned} from '../stats/metrics/manager-metrics.ts';
import type {CpuManager} from './cpu/cpu-manager.ts';
import type {MemoryManager} from './memory/memory-manager.ts';
import {containersOf, type PodDraft} from './types.ts';

const wholeCores: Alignment = {scope: 'container', boundary: 'physical_cpu'};
const oneCache: Alignment = {scope: 'container', boundary: 'uncore_cache'};

type Held = {readonly what: Pinned; readonly name: string};

/** Counts what containers get for themselves, and whether it lies together. */
export class Tally {
  readonly #metrics: ManagerMetrics | undefined;
  readonly #cpus: CpuManager;
  readonly #memory: MemoryManager;
  /** Only where one NUMA node is promised (topologymanager, IsAlignmentGuaranteed). */
  readonly #oneNode: Alignment | undefined;

  constructor(
    metrics: ManagerMetrics | undefined,
    {cpus, memory}: {readonly cpus: CpuManager; readonly memory: MemoryManager},
    topology: {readonly policy: string; readonly scope: Alignment['scope']},
  ) {
    this.#metrics = metrics;
    this.#cpus = cpus;
    this.#memory = memory;
    this.#oneNode =
      topology.policy === 'single-numa-node' ? {scope: topology.scope, boundary: 'numa_node'} : undefined;
    if (cpus.isStatic) {
      metrics?.aligned(wholeCores, 0);
      metrics?.aligned(oneCache, 0);
      metrics?.unaligned(wholeCores, 0);
    }
    if (topology.policy === 'none') return;
    for (const scope of ['container', 'pod'] as const) {
      metrics?.aligned({scope, boundary: 'numa_node'}, 0);
      metrics?.unaligned({scope, boundary: 'numa_node'}, 0);
    }
  }

  /** What it cannot give is counted. */
  counted(what: Pinned, draft: PodDraft): PodDraft {
    return {
      hints: (container) => draft.hints(container),
      podHints: () => draft.podHints(),
      commit: () => draft.commit(),
      allocate: async (container, hint) => {
        try {
          await draft.allocate(container, hint);
        } catch (error) {
          this.#metrics?.pinned(what, true);
          if (what === 'cpu' && this.#cpus.wholeCores) this.#metrics?.unaligned(wholeCores);
          throw error;
        }
      },
    };
  }

  misaligned(): void {
    if (this.#oneNode !== undefined) this.#metrics?.unaligned(this.#oneNode);
  }

  /** Containers with processors or memory of their own. */
  held(pod: Pod): readonly Held[] {
    const {uid} = pod.metadata;
    return containersOf(pod).flatMap(({name}) => [
      ...(this.#cpus.exclusive(uid, name) === undefined ? [] : [{what: 'cpu' as const, name}]),
      ...(this.#memory.blocksOf(uid, name).length === 0 ? [] : [{what: 'memory' as const, name}]),
    ]);
  }

  /** A pod has got what it asks for; `before`: what of it was held then. */
  admitted(pod: Pod, before: readonly Held[]): void {
    for (const {what, name} of this.held(pod))
      if (!before.some((held) => held.what === what && held.name === name)) {
        this.#metrics?.pinned(what, false);
        if (what === 'cpu') this.#ownCpus(pod, name);
      }
    const oneNode = this.#oneNode;
    if (oneNode === undefined) return;
    this.#metrics?.aligned(oneNode, oneNode.scope === 'pod' ? 1 : containersOf(pod).length);
  }

  #ownCpus({metadata: {uid}}: Pod, name: Container['name']): void {
    if (this.#cpus.wholeCores) this.#metrics?.aligned(wholeCores);
    if (this.#cpus.isInOneCache(uid, name)) this.#metrics?.aligned(oneCache);
  }
}
