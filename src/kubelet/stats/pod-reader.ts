import type {KubeletConfig} from '../../config/kubelet.ts';
import {qosClass} from '../../config/pod/qos.ts';
import type {CgroupReader} from '../../edges/cgroups/cgroup-stats.ts';
import {readNetwork} from '../../edges/network/network-sample.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Clock} from '../../lib/time.ts';
import {podCgroupPath} from '../pod/config/resources/cgroup-names.ts';
import type {PodRuntime, RuntimeContainer, RuntimeSandbox} from '../pod/status/runtime-state.ts';
import type {RuntimeFigures} from './layers.ts';
import type {PodFiles} from './pod-files.ts';
import type {CpuRates} from './rates.ts';
import type {ContainerStats, Measured, PodStats, PodStorage, SandboxStats} from './types.ts';

export type PodReaderOptions = {
  readonly config: KubeletConfig;
  readonly clock: Clock;
  /** What the runtime has of a pod, as last read. */
  readonly runtimeOf: (uid: string) => PodRuntime | undefined;
  readonly cgroups: CgroupReader;
  readonly rates: CpuRates;
};

export type Figures = ReadonlyMap<string, RuntimeFigures>;

type Live = {readonly running: readonly RuntimeContainer[]; readonly sandbox: RuntimeSandbox | undefined};

const nothing = {usedBytes: 0, inodesUsed: 0};

/** Reads what a pod uses: its cgroups now, and what the runtime and a walk through its files have told. */
export class PodReader {
  readonly #options: PodReaderOptions;
  /** Cgroups of containers by id: they never move. */
  #places = new Map<string, string>();
  #nextPlaces = new Map<string, string>();

  constructor(options: PodReaderOptions) {
    this.#options = options;
  }

  /** Undefined for a pod of which nothing runs. */
  read(pod: Pod, figures: Figures, files: PodFiles | undefined): PodStats | undefined {
    const {cgroups} = this.#options;
    const {name, namespace, uid} = pod.metadata;
    const live = this.#live(uid);
    if (live === undefined) return undefined;
    const path = this.#pathOf(pod);
    const measured = this.#measure(path);
    const sandbox = live.sandbox && this.#sandbox(live.sandbox, path);
    const pid = sandbox?.cgroup === undefined ? undefined : cgroups.processes(sandbox.cgroup)[0];
    return {
      name,
      namespace,
      uid,
      startTime: pod.status?.startTime,
      cgroup: measured === undefined ? undefined : path,
      measured,
      sandbox,
      network: pid === undefined ? undefined : readNetwork(pid),
      containers: live.running.map((container) => this.#container(container, path, figures, files)),
      volumes: files?.volumes ?? [],
      own: files?.own ?? nothing,
    };
  }

  /** What a pod stores, and no more. */
  storage({metadata: {uid}}: Pod, figures: Figures, files: PodFiles | undefined): PodStorage | undefined {
    const live = this.#live(uid);
    if (live === undefined) return undefined;
    return {
      uid,
      containers: live.running.map(({id, name}) => ({
        name,
        rootfs: figures.get(id)?.layer,
        logs: files?.logs.get(name),
      })),
      volumes: files?.volumes ?? [],
      own: files?.own ?? nothing,
    };
  }

  /** Takes note of the counters of the processor: whoever asks next is told a rate of the last seconds. */
  noteCpu(pod: Pod): void {
    const live = this.#live(pod.metadata.uid);
    if (live === undefined) return;
    const {cgroups, clock, rates} = this.#options;
    const note = (cgroup: string) => {
      const usedNs = cgroups.cpuNs(cgroup);
      if (usedNs !== undefined) rates.note(cgroup, clock.now(), usedNs);
    };
    const path = this.#pathOf(pod);
    note(path);
    for (const {id} of [...live.running, ...(live.sandbox === undefined ? [] : [live.sandbox])]) {
      const cgroup = this.#place(path, id);
      if (cgroup === undefined) rates.keep(id);
      else note(cgroup);
    }
  }

  /** The end of a reading: places that were not asked for in it are forgotten. */
  turn(): void {
    this.#places = this.#nextPlaces;
    this.#nextPlaces = new Map();
  }

  #live(uid: string): Live | undefined {
    const runtime = this.#options.runtimeOf(uid);
    const running = runtime?.containers.filter(({state}) => state === 'running') ?? [];
    const sandbox = runtime?.sandboxes.find(({ready}) => ready);
    return running.length === 0 && sandbox === undefined ? undefined : {running, sandbox};
  }

  #pathOf({spec, metadata: {uid}}: Pod): string {
    const {cgroupDriver, cgroupRoot} = this.#options.config;
    return podCgroupPath(cgroupDriver, cgroupRoot, qosClass(spec), uid);
  }

  /** How its cgroup is named is the runtime's affair; its id is part of it. */
  #place(podPath: string, id: string): string | undefined {
    const known = this.#places.get(id) ?? this.#nextPlaces.get(id) ?? this.#find(podPath, id);
    if (known !== undefined) this.#nextPlaces.set(id, known);
    return known;
  }

  #find(podPath: string, id: string): string | undefined {
    const name = this.#options.cgroups.children(podPath).find((child) => child.includes(id));
    return name === undefined ? undefined : `${podPath}/${name}`;
  }

  #measure(path: string): Measured | undefined {
    const {cgroups, clock, rates} = this.#options;
    const sample = cgroups.sample(path);
    return sample && rates.measure(path, clock.now(), sample);
  }

  #sandbox({id, createdAtMs}: RuntimeSandbox, podPath: string): SandboxStats {
    const cgroup = this.#place(podPath, id);
    const measured = cgroup === undefined ? undefined : this.#measure(cgroup);
    return {id, startedAtMs: createdAtMs, cgroup, measured};
  }

  #container(
    {id, name, image, startedAtMs}: RuntimeContainer,
    podPath: string,
    figures: Figures,
    files: PodFiles | undefined,
  ): ContainerStats {
    const cgroup = this.#place(podPath, id);
    return {
      id,
      name,
      image,
      startedAtMs,
      cgroup,
      measured: cgroup === undefined ? this.#told(id, figures.get(id)) : this.#measure(cgroup),
      pids: cgroup === undefined ? [] : this.#options.cgroups.processes(cgroup),
      rootfs: figures.get(id)?.layer,
      logs: files?.logs.get(name),
    };
  }

  #told(id: string, figures: RuntimeFigures | undefined): Measured | undefined {
    return figures?.sample && this.#options.rates.measure(id, figures.timeMs, figures.sample);
  }
}
