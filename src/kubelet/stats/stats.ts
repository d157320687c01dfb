import {availableParallelism} from 'node:os';
import type {KubeletConfig} from '../../config/kubelet.ts';
import {type CgroupReader, openCgroupReader} from '../../edges/cgroups/cgroup-stats.ts';
import {ownCgroup} from '../../edges/cgroups/own-cgroup.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {type NodeSample, sampleNode} from '../../edges/machine/node-sample.ts';
import {readNetwork} from '../../edges/network/network-sample.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {tierCgroupPath} from '../pod/config/resources/cgroup-names.ts';
import type {PodRuntime} from '../pod/status/runtime-state.ts';
import {readDisks} from './disks.ts';
import {readRuntimeFigures} from './layers.ts';
import {hasStorageLimit, PodFilesReader, type ReadVolumes} from './pod-files.ts';
import {type Figures, PodReader} from './pod-reader.ts';
import {CpuRates} from './rates.ts';
import type {DiskStats, Glance, NodeStats, Snapshot} from './types.ts';
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
  /** What is judged every ten seconds; it reads a twentieth of what `get` does. */
  glance(): Promise<Glance>;
  stop(): void;
};

/** Kubernetes' period of housekeeping. */
export const housekeepingMs = 10_000;

export async function startStats(options: StatsOptions): Promise<Stats> {
  return new Reader(options, options.machine?.cgroups ?? (await openCgroupReader()), await ownCgroup());
}

const noFigures: Figures = new Map();

class Reader implements Stats {
  readonly #options: StatsOptions;
  readonly #cgroups: CgroupReader;
  readonly #own: string | undefined;
  readonly #rates = new CpuRates();
  readonly #files: PodFilesReader;
  readonly #pods: PodReader;
  readonly #stop = new AbortController();
  #reading: Promise<Snapshot> | undefined;
  #last: {readonly atMs: number; readonly snapshot: Snapshot} | undefined;
  #figures: {readonly atMs: number; readonly byId: Figures} | undefined;
  #before: Promise<unknown> = Promise.resolve();

  constructor(options: StatsOptions, cgroups: CgroupReader, own: string | undefined) {
    const readVolumes = options.readVolumes ?? localVolumes(options.config);
    this.#options = options;
    this.#cgroups = cgroups;
    this.#own = own;
    this.#files = new PodFilesReader({...options, readVolumes});
    this.#pods = new PodReader({...options, cgroups, rates: this.#rates});
  }

  async get(maxAgeMs: number): Promise<Snapshot> {
    const {clock} = this.#options;
    const last = this.#last;
    if (last !== undefined && clock.monotonic() - last.atMs <= maxAgeMs) return last.snapshot;
    this.#reading ??= this.#alone(() => this.#read()).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  glance(): Promise<Glance> {
    return this.#alone(() => this.#glance());
  }

  stop(): void {
    this.#stop.abort(new Error('stopping'));
  }

  /** One after the other: rates are between two whole readings. */
  #alone<T>(read: () => Promise<T>): Promise<T> {
    const reading = this.#before.then(read, read);
    this.#before = reading;
    return reading;
  }

  async #read(): Promise<Snapshot> {
    const {clock, pods: known} = this.#options;
    const pods = known();
    const {figures, files, disks} = await this.#told(pods, true);
    const atMs = clock.monotonic();
    const node = this.#node();
    const tiers = this.#tiers();
    const stats = await eachInTurn(pods, (pod) => this.#pods.read(pod, figures, files.get(pod.metadata.uid)));
    this.#turn();
    const snapshot = {timeMs: clock.now(), node, disks, pods: stats, tiers};
    this.#last = {atMs, snapshot};
    return snapshot;
  }

  async #glance(): Promise<Glance> {
    const {clock, pods: known} = this.#options;
    const pods = known();
    const limited = pods.filter(hasStorageLimit);
    const {figures, files, disks} = await this.#told(pods, limited.length > 0);
    const node = this.#node();
    this.#tiers();
    await eachInTurn(pods, (pod) => this.#pods.noteCpu(pod));
    this.#turn();
    const stored = limited.flatMap(
      (pod) => this.#pods.storage(pod, figures, files.get(pod.metadata.uid)) ?? [],
    );
    return {timeMs: clock.now(), node, disks, limited: stored};
  }

  async #told(pods: readonly Pod[], layers: boolean) {
    const {signal} = this.#stop;
    signal.throwIfAborted();
    const {disks: readSpace = () => readDisks(this.#options)} = this.#options.machine ?? {};
    const [figures, files, disks] = await Promise.all([
      layers ? this.#runtimeFigures() : noFigures,
      this.#files.read(pods, signal),
      readSpace(),
    ]);
    return {figures, files, disks};
  }

  #turn(): void {
    this.#rates.turn();
    this.#pods.turn();
  }

  /** Writable layers are counted by the runtime every ten seconds; without it all else is still known. */
  async #runtimeFigures(): Promise<Figures> {
    const {cri, clock, log} = this.#options;
    const atMs = clock.monotonic();
    if (this.#figures !== undefined && atMs - this.#figures.atMs < housekeepingMs / 2)
      return this.#figures.byId;
    try {
      this.#figures = {atMs, byId: await readRuntimeFigures(cri)};
    } catch (error) {
      log.warn('the runtime does not tell what containers use', {error: describeError(error)});
    }
    return this.#figures?.byId ?? noFigures;
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

  /** System containers of the summary: all pods together, and kubelet and runtime where each has a cgroup of its own. */
  #system(): NodeStats['system'] {
    const {cgroupDriver, cgroupRoot, runtimeCgroups} = this.#options.config;
    const places: [string, string | undefined][] = [
      ['pods', tierCgroupPath(cgroupDriver, cgroupRoot, 'Guaranteed')],
      ['kubelet', this.#own],
      ['runtime', runtimeCgroups || undefined],
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
        const sample = this.#cgroups.sample(path);
        return sample === undefined
          ? []
          : [[path, this.#rates.measure(path, this.#options.clock.now(), sample)]];
      }),
    );
  }
}

/** Cgroups are read synchronously: others have their turn after each pod. */
async function eachInTurn<T>(pods: readonly Pod[], read: (pod: Pod) => T | undefined): Promise<T[]> {
  const found: T[] = [];
  for (const pod of pods) {
    const one = read(pod);
    if (one !== undefined) found.push(one);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return found;
}
