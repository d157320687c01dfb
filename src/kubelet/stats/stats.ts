import {availableParallelism} from 'node:os';
import type {KubeletConfig} from '../../config/kubelet.ts';
import type {CgroupSample} from '../../edges/cgroups/cgroup-sample.ts';
import {type CgroupReader, openCgroupReader} from '../../edges/cgroups/cgroup-stats.ts';
import {ownCgroup} from '../../edges/cgroups/own-cgroup.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {type NodeSample, sampleNode} from '../../edges/machine/node-sample.ts';
import {readNetwork} from '../../edges/network/network-sample.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {podCgroupPath, tierCgroupPath} from '../pod/config/resources/cgroup-names.ts';
import {qosClass} from '../pod/config/resources/qos.ts';
import type {PodRuntime} from '../pod/status/runtime-state.ts';
import {readDisks} from './disks.ts';
import {type RuntimeFigures, readRuntimeFigures} from './layers.ts';
import {type PodFiles, PodFilesReader, type ReadVolumes} from './pod-files.ts';
import {CpuRates} from './rates.ts';
import type {
  ContainerStats,
  DiskStats,
  Measured,
  NodeStats,
  PodStats,
  SandboxStats,
  Snapshot,
} from './types.ts';
import {localVolumes} from './volumes.ts';

export type StatsOptions = {
  readonly config: KubeletConfig;
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pods: () => readonly Pod[];
  /** What the runtime has of a pod, as last read. */
  readonly runtimeOf: (uid: string) => PodRuntime | undefined;
  readonly readVolumes?: ReadVolumes;
  /** Readings of the machine itself; a test stands in for a machine in trouble. */
  readonly machine?: Partial<Machine>;
};

export type Machine = {
  readonly node: (cgroups: CgroupReader) => NodeSample;
  readonly disks: () => Promise<DiskStats>;
  readonly cgroups: CgroupReader;
};

/** How this node and its pods are used. One reading serves everybody who asks within its age. */
export type Stats = {
  /** A reading that is at most so old: a new one where the last is older. */
  get(maxAgeMs: number): Promise<Snapshot>;
  stop(): void;
};

/** Kubernetes' period of housekeeping. */
export const housekeepingMs = 10_000;

export async function startStats(options: StatsOptions): Promise<Stats> {
  return new Reader(options, options.machine?.cgroups ?? (await openCgroupReader()), await ownCgroup());
}

class Reader implements Stats {
  readonly #options: StatsOptions;
  readonly #cgroups: CgroupReader;
  readonly #own: string | undefined;
  readonly #rates = new CpuRates();
  readonly #files: PodFilesReader;
  readonly #stop = new AbortController();
  #reading: Promise<Snapshot> | undefined;
  #last: {readonly atMs: number; readonly snapshot: Snapshot} | undefined;
  #figures: {readonly atMs: number; readonly byId: ReadonlyMap<string, RuntimeFigures>} | undefined;

  constructor(options: StatsOptions, cgroups: CgroupReader, own: string | undefined) {
    const readVolumes = options.readVolumes ?? localVolumes(options.config);
    this.#options = options;
    this.#cgroups = cgroups;
    this.#own = own;
    this.#files = new PodFilesReader({...options, readVolumes});
  }

  async get(maxAgeMs: number): Promise<Snapshot> {
    const {clock} = this.#options;
    const last = this.#last;
    if (last !== undefined && clock.monotonic() - last.atMs <= maxAgeMs) return last.snapshot;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  stop(): void {
    this.#stop.abort(new Error('stopping'));
  }

  async #read(): Promise<Snapshot> {
    const {clock, pods: known, machine} = this.#options;
    const {signal} = this.#stop;
    signal.throwIfAborted();
    const pods = known();
    const [figures, files, disks] = await Promise.all([
      this.#runtimeFigures(),
      this.#files.read(pods, signal),
      (machine?.disks ?? (() => readDisks(this.#options)))(),
    ]);
    const atMs = clock.monotonic();
    const node = this.#node();
    const tiers = this.#tiers();
    const stats: PodStats[] = [];
    for (const pod of pods) {
      const found = this.#pod(pod, figures, files.get(pod.metadata.uid));
      if (found !== undefined) stats.push(found);
      // Cgroups are read synchronously: others have their turn after each pod.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#rates.turn();
    const snapshot = {timeMs: clock.now(), node, disks, pods: stats, tiers};
    this.#last = {atMs, snapshot};
    return snapshot;
  }

  /** Writable layers are counted by the runtime every ten seconds; without it all else is still known. */
  async #runtimeFigures(): Promise<ReadonlyMap<string, RuntimeFigures>> {
    const {cri, clock, log} = this.#options;
    const atMs = clock.monotonic();
    if (this.#figures !== undefined && atMs - this.#figures.atMs < housekeepingMs / 2)
      return this.#figures.byId;
    try {
      this.#figures = {atMs, byId: await readRuntimeFigures(cri)};
    } catch (error) {
      log.warn('the runtime does not tell what containers use', {error: describeError(error)});
    }
    return this.#figures?.byId ?? new Map();
  }

  #measure(path: string): Measured | undefined {
    const sample = this.#cgroups.sample(path);
    return sample && this.#rates.measure(path, this.#options.clock.now(), sample);
  }

  #node(): NodeStats {
    const {clock, machine} = this.#options;
    const sample = (machine?.node ?? sampleNode)(this.#cgroups);
    return {
      bootTimeMs: sample.bootTimeMs,
      cpus: availableParallelism(),
      memoryCapacityBytes: sample.memoryBytes,
      swapCapacityBytes: sample.swapBytes,
      root: this.#rates.measure('/', clock.now(), sample.root),
      system: this.#system(),
      network: readNetwork('self') ?? [],
      pids: sample.pids,
    };
  }

  /** System containers of the summary: all pods together, and this process where it has a cgroup of its own. */
  #system(): NodeStats['system'] {
    const {cgroupDriver, cgroupRoot} = this.#options.config;
    const places: [string, string | undefined][] = [
      ['pods', tierCgroupPath(cgroupDriver, cgroupRoot, 'Guaranteed')],
      ['kubelet', this.#own],
    ];
    return new Map(
      places.flatMap(([name, cgroup]) => {
        const sample = cgroup === undefined ? undefined : this.#cgroups.sample(cgroup);
        if (cgroup === undefined || sample === undefined) return [];
        return [
          [name, {...this.#rates.measure(`${name}:${cgroup}`, this.#options.clock.now(), sample), cgroup}],
        ] as const;
      }),
    );
  }

  #tiers(): Snapshot['tiers'] {
    const {cgroupDriver, cgroupRoot} = this.#options.config;
    return new Map(
      (['Guaranteed', 'Burstable', 'BestEffort'] as const).flatMap((qos) => {
        const path = tierCgroupPath(cgroupDriver, cgroupRoot, qos);
        const measured = this.#measure(path);
        return measured === undefined ? [] : [[path, measured]];
      }),
    );
  }

  #pod(
    pod: Pod,
    figures: ReadonlyMap<string, RuntimeFigures>,
    files: PodFiles | undefined,
  ): PodStats | undefined {
    const {config, runtimeOf} = this.#options;
    const {name, namespace, uid} = pod.metadata;
    const runtime = runtimeOf(uid);
    const running = runtime?.containers.filter(({state}) => state === 'running') ?? [];
    const ready = runtime?.sandboxes.find((sandbox) => sandbox.ready);
    if (running.length === 0 && ready === undefined) return undefined;
    const path = podCgroupPath(config.cgroupDriver, config.cgroupRoot, qosClass(pod.spec), uid);
    const names = this.#cgroups.children(path);
    const place = (id: string) => {
      const found = names.find((child) => child.includes(id));
      return found === undefined ? undefined : `${path}/${found}`;
    };
    const measured = this.#measure(path);
    const sandbox = ready === undefined ? undefined : this.#sandbox(ready, place(ready.id));
    const pid = sandbox?.cgroup === undefined ? undefined : this.#cgroups.processes(sandbox.cgroup)[0];
    return {
      name,
      namespace,
      uid,
      startTime: pod.status?.startTime,
      cgroup: measured === undefined ? undefined : path,
      measured,
      sandbox,
      network: pid === undefined ? undefined : readNetwork(pid),
      containers: running.map((container) =>
        this.#container(container, place(container.id), figures.get(container.id), files),
      ),
      volumes: files?.volumes ?? [],
      own: files?.own ?? {usedBytes: 0, inodesUsed: 0},
    };
  }

  #sandbox({id, createdAtMs}: PodRuntime['sandboxes'][number], cgroup: string | undefined): SandboxStats {
    return {
      id,
      startedAtMs: createdAtMs,
      cgroup,
      measured: cgroup === undefined ? undefined : this.#measure(cgroup),
    };
  }

  #container(
    {id, name, image, startedAtMs}: PodRuntime['containers'][number],
    cgroup: string | undefined,
    figures: RuntimeFigures | undefined,
    files: PodFiles | undefined,
  ): ContainerStats {
    return {
      id,
      name,
      image,
      startedAtMs,
      cgroup,
      measured: cgroup === undefined ? this.#told(id, figures) : this.#measure(cgroup),
      processes: cgroup === undefined ? 0 : this.#cgroups.processes(cgroup).length,
      rootfs: figures?.layer,
      logs: files?.logs.get(name),
    };
  }

  #told(id: string, figures: RuntimeFigures | undefined): Measured | undefined {
    const sample: CgroupSample | undefined = figures?.sample;
    return figures === undefined || sample === undefined
      ? undefined
      : this.#rates.measure(id, figures.timeMs, sample);
  }
}
