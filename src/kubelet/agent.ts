import type {KubeletConfig} from '../config/kubelet.ts';
import {type Cgroups, openCgroups} from '../edges/cgroups.ts';
import type {Cri} from '../edges/cri/client.ts';
import {makeDirectory} from '../edges/files.ts';
import type {KubeClient} from '../edges/kube/client.ts';
import type {EventRecorder} from '../edges/kube/events.ts';
import {systemdCgroups} from '../edges/systemd-cgroups.ts';
import {describeError} from '../lib/errors.ts';
import type {Node, Pod} from '../lib/kubernetes.ts';
import type {Logger} from '../lib/log.ts';
import {nodes} from '../lib/resources.ts';
import type {Cancel, Clock} from '../lib/time.ts';
import {activePods} from './active-pods.ts';
import type {Rejection} from './admission/types.ts';
import type {PodAgent} from './agent-api.ts';
import {removeDead, startCollector} from './collector.ts';
import type {Reclaim} from './eviction/reclaim.ts';
import {type ImageCollecting, startImageCollector} from './images/collector.ts';
import {ImageManager} from './images/manager.ts';
import {pullCredentials} from './images/pull-secrets.ts';
import {createPuller} from './images/puller.ts';
import {startLogRotation} from './logs/rotation.ts';
import {readNodeFacts} from './node-facts.ts';
import {type ObjectSource, startObjectSource} from './objects.ts';
import type {Periodic} from './periodic.ts';
import type {NodeFacts, ServiceSource} from './pod/deps.ts';
import {containerOfEvent} from './pod/image-volumes.ts';
import {isTerminal} from './pod/phase.ts';
import {tellPod} from './pod/tell.ts';
import type {PodView} from './pod/view.ts';
import {type PodWorkers, startPodWorkers} from './pod/worker.ts';
import {PodStore} from './pod-store.ts';
import {type Probes, startProbes} from './probes/manager.ts';
import {queries} from './queries.ts';
import {ResourceRecords} from './resize/records.ts';
import {RuntimeCache} from './runtime/cache.ts';
import {type RuntimeEvents, startRuntimeEvents} from './runtime/events.ts';
import {RuntimeHealth} from './runtime/readiness.ts';
import {startShimCollector} from './runtime/shims.ts';
import {StartLimit} from './runtime/start-limit.ts';
import {type RuntimeClassSource, startRuntimeClasses} from './runtime-classes.ts';
import {type PodEvent, type PodSource, startApiSource} from './sources/api.ts';
import {isMirror, Mirrors} from './sources/mirror.ts';
import type {StaticSource} from './sources/static.ts';
import {startStaticSources} from './sources/static-url.ts';
import type {ProbeDone} from './stats/probe-metrics.ts';
import type {Telemetry} from './stats/telemetry.ts';
import {StatusWriter} from './status-writer.ts';
import type {KeptVolumes} from './volumes/pod-volumes.ts';
import {startPodVolumes, tellsAnother} from './volumes/start.ts';
import type {VolumePlugin} from './volumes/types.ts';

export type PodAgentOptions = {
  readonly client: KubeClient;
  readonly cri: Cri;
  readonly nodeName: string;
  readonly nodeIps: () => readonly string[];
  /** Our Node as last known; pods of the API wait until it is. */
  readonly node: () => Node | undefined;
  /** status.allocatable of the Node, as last computed. */
  readonly allocatable: () => Readonly<Record<string, string>>;
  readonly config: KubeletConfig;
  readonly recorder: EventRecorder;
  readonly services: ServiceSource;
  readonly clock: Clock;
  readonly log: Logger;
  /** Pods that are started at the same time; about twice the processors. */
  readonly startsAtOnce: number;
  readonly telemetry?: Telemetry;
  /** Why this node takes no such pod just now (pressure, shutdown). */
  readonly refuse?: (pod: Pod, isStatic: boolean) => Rejection | undefined;
  /** Kinds of volumes that plugins of this node bring. */
  readonly volumePlugins?: readonly VolumePlugin[];
};

/** Kubernetes asks the runtime for its conditions that often. */
const healthMs = 5_000;
const startingHealthMs = 500;
const defaultParallelPulls = 5;
const callTimeoutMs = 10_000;

/** Runs the pods of this node until it is stopped. Stopping touches no container. */
export async function startPodAgent(options: PodAgentOptions): Promise<PodAgent> {
  const {config} = options;
  await Promise.all(
    [`${config.rootDir}/pods`, config.podLogsDir, config.containerLogDir].map((path) =>
      makeDirectory(path, 0o755),
    ),
  );
  const files = await openCgroups();
  const cgroups = config.cgroupDriver === 'systemd' ? systemdCgroups(files) : files;
  const facts = await readNodeFacts(config, files.v2, {
    hostIps: options.nodeIps,
    allocatable: options.allocatable,
  });
  const records = await ResourceRecords.open(config.rootDir, options.log);
  return new Agent(options, {cgroups, facts, records}).api();
}

type AgentParts = {
  readonly cgroups: Cgroups;
  readonly facts: NodeFacts;
  readonly records: ResourceRecords;
};

class Agent {
  readonly #options: PodAgentOptions;
  readonly #store = new PodStore();
  readonly #records: ResourceRecords;
  readonly #health: RuntimeHealth;
  readonly #objects: ObjectSource;
  readonly #classes: RuntimeClassSource;
  readonly #volumes: KeptVolumes;
  readonly #runtime: RuntimeCache;
  readonly #writer: StatusWriter;
  readonly #probes: Probes;
  readonly #workers: PodWorkers;
  readonly #source: PodSource;
  readonly #mirrors: Mirrors;
  readonly #statics: StaticSource;
  #staticPods: readonly Pod[] = [];
  readonly #events: RuntimeEvents;
  readonly #images: ImageCollecting;
  readonly #upkeep: readonly Periodic[];
  #cancelHealth: Cancel = () => undefined;
  #stopped = false;

  constructor(options: PodAgentOptions, {cgroups, facts, records}: AgentParts) {
    const {client, cri, clock, log, config, recorder} = options;
    const onChange = (uid: string) => this.#workers.enqueue(uid);
    this.#options = options;
    this.#records = records;
    this.#health = new RuntimeHealth(cri, clock);
    this.#objects = startObjectSource({client, clock, log, onChange: (uids) => this.#objectsChanged(uids)});
    this.#volumes = startPodVolumes(options, this.#objects, async ({spec}) =>
      this.#health.recursiveReadOnly(await this.#classes.handler(spec.runtimeClassName)),
    );
    this.#runtime = new RuntimeCache({cri, timeoutMs: config.runtimeRequestTimeout, onChange});
    this.#writer = new StatusWriter({client, clock, log, onWritten: (uid) => this.#statusWritten(uid)});
    const onProbe = (done: ProbeDone) => options.telemetry?.probes.done(done);
    this.#probes = startProbes({cri, clock, recorder, hostIps: options.nodeIps, onChange, onProbe});
    this.#classes = startRuntimeClasses({client, clock, log, onChange: (name) => this.#classChanged(name)});
    const view: PodView = {
      deps: {
        ...options,
        cgroups,
        facts,
        volumes: this.#volumes,
        objects: this.#objects,
        runtimeClasses: this.#classes,
      },
      runtime: this.#runtime,
      images: this.#imageManager(onChange),
      probes: this.#probes,
      writer: this.#writer,
      find: (uid) => this.#store.get(uid),
      carrier: (pod) => (this.#store.get(pod.metadata.uid)?.isStatic ? this.#mirrors.mirrorOf(pod) : pod),
      sourcesSynced: () => this.#hasSynced(),
      networkReady: () => this.#health.networkReady,
      node: options.node,
      freshNode: () => client.get(nodes, {name: options.nodeName}, {timeoutMs: callTimeoutMs}),
      active: () => activePods(this.#store, this.#workers, this.#runtime, this.#records),
      records,
      roomMade: () => this.#workers.roomMade(),
      end: (uid, verdict) => this.#workers.end(uid, verdict),
      refuse: options.refuse ?? (() => undefined),
    };
    this.#workers = startPodWorkers(view, new StartLimit(options.startsAtOnce), () => this.#placeStatics());
    this.#mirrors = new Mirrors(options);
    this.#source = startApiSource({
      ...options,
      onEvent: (event) => this.#podChanged(event),
      onSynced: () => this.#enqueueAll(),
    });
    this.#statics = startStaticSources({
      ...options,
      directory: config.staticPodPath,
      everyMs: config.fileCheckFrequency,
      url: config.staticPodURL,
      headers: config.staticPodURLHeader,
      urlEveryMs: config.httpCheckFrequency,
      onPods: (pods) => this.#staticsChanged(pods),
    });
    this.#events = this.#startEvents();
    this.#images = this.#startImages();
    this.#upkeep = this.#startUpkeep(cgroups);
    void this.#checkHealth();
  }

  api(): PodAgent {
    const parts = {
      config: this.#options.config,
      store: this.#store,
      runtime: this.#runtime,
      workers: this.#workers,
    };
    return {
      synced: Promise.all([this.#source.synced, this.#events.firstList]).then(() => undefined),
      ...queries(parts),
      runtimeReady: () => this.#health.readiness(),
      active: () => activePods(this.#store, this.#workers, this.#runtime, this.#records),
      runtimeOf: (uid) => this.#runtime.peek(uid),
      volumeUsage: (pod, signal) => this.#volumes.usage(pod, signal),
      end: (uid, verdict) => this.#workers.end(uid, verdict),
      retry: (uid) => this.#workers.retry(uid),
      isCleanedUp: (uid) => this.#workers.isCleanedUp(uid),
      reclaim: (what) => this.#reclaim(what),
      stop: () => this.#stop(),
    };
  }

  #imageManager(onChange: (uid: string) => void): ImageManager {
    const {cri, clock, config, recorder, telemetry} = this.#options;
    const parallel = config.maxParallelImagePulls ?? defaultParallelPulls;
    return new ImageManager({
      puller: createPuller(cri, parallel, config.runtimeRequestTimeout),
      clock,
      credentials: (pod, repository, signal) => pullCredentials(this.#objects, pod, repository, signal),
      tell: (pod, container, ...told) => {
        telemetry?.imageEvent(pod.metadata.uid, told[1], clock.now());
        tellPod(recorder, pod, containerOfEvent(container), ...told);
      },
      onChange,
    });
  }

  #startUpkeep(cgroups: Cgroups): Periodic[] {
    const common = {...this.#options, runtime: this.#runtime};
    return [
      startCollector({
        ...common,
        cgroups,
        known: () => (this.#hasSynced() ? new Set(this.#known()) : undefined),
        tearDownVolumes: (uid) => this.#volumes.tearDown(uid),
        collectVolumes: () => this.#volumes.collect(),
      }),
      startLogRotation(common),
      startShimCollector({
        ...this.#options,
        endpoint: this.#options.config.containerRuntimeEndpoint,
        timeoutMs: this.#options.config.runtimeRequestTimeout,
      }),
      this.#images,
    ];
  }

  #startImages(): ImageCollecting {
    return startImageCollector({
      ...this.#options,
      runtime: this.#runtime,
      pods: () => this.#store.all().map(({pod}) => pod),
      ready: () => this.#hasSynced() && this.#runtime.hasListed,
    });
  }

  async #reclaim(what: Reclaim): Promise<void> {
    if (what === 'unused-images') return this.#images.removeUnused();
    const isOver = (uid: string) => {
      const known = this.#store.get(uid);
      if (known === undefined) return !this.#workers.uids().includes(uid);
      return isTerminal(known.pod.status?.phase) && this.#workers.isCleanedUp(uid);
    };
    if (this.#hasSynced()) await removeDead({...this.#options, runtime: this.#runtime, isOver});
  }

  #startEvents(): RuntimeEvents {
    const {cri, clock, log, config} = this.#options;
    return startRuntimeEvents({
      cri,
      clock,
      log,
      endpoint: config.containerRuntimeEndpoint,
      podOf: (id) => this.#runtime.podOf(id),
      onEvent: (uid) => {
        this.#runtime.touch(uid);
        this.#workers.enqueue(uid);
      },
      relist: () => this.#relist(),
      onRelisted: (error) => {
        if (error === undefined) this.#health.listed();
        else log.warn('the runtime could not be listed', {error: describeError(error)});
      },
    });
  }

  async #relist(): Promise<void> {
    const {clock, telemetry} = this.#options;
    const startMs = clock.monotonic();
    await this.#runtime.relist();
    telemetry?.relisted(startMs, clock.monotonic(), clock.now());
  }

  #statusWritten(uid: string): void {
    const {clock, telemetry} = this.#options;
    const pod = this.#store.get(uid)?.pod;
    if (pod !== undefined) telemetry?.statusWritten(pod, this.#writer.written(uid), clock.now());
    this.#workers.enqueue(uid);
  }

  /** What a source tells only enqueues; a pod that comes to its end interrupts what is done for it. */
  #podChanged({type, pod, old}: PodEvent): void {
    if (isMirror(pod)) {
      this.#mirrorChanged(type, pod);
      return;
    }
    const {uid, deletionTimestamp} = pod.metadata;
    if (type === 'deleted') {
      this.#options.telemetry?.forget(uid);
      this.#store.remove(uid);
      this.#workers.interrupt(uid, 'the pod was deleted');
      return;
    }
    this.#store.put(pod, false);
    this.#writer.observed(uid, pod);
    if (deletionTimestamp !== undefined && old?.metadata.deletionTimestamp === undefined) {
      this.#workers.interrupt(uid, 'the pod is being deleted');
      return;
    }
    if (old !== undefined && tellsAnother(pod, old)) {
      void this.#volumes.refresh(pod);
      // A variable may come from a label or an annotation, too.
      this.#workers.retry(uid);
    }
    this.#workers.enqueue(uid);
  }

  #mirrorChanged(type: PodEvent['type'], mirror: Pod): void {
    if (type === 'deleted') this.#mirrors.gone(mirror);
    else this.#mirrors.observed(mirror);
    const uid = this.#mirrors.staticOf(mirror)?.metadata.uid;
    if (uid === undefined) return;
    if (type !== 'deleted') this.#writer.observed(uid, mirror);
    this.#workers.enqueue(uid);
  }

  #staticsChanged(pods: readonly Pod[]): void {
    const kept = new Set(pods.map(({metadata}) => metadata.uid));
    for (const {metadata} of this.#staticPods.filter((pod) => !kept.has(pod.metadata.uid))) {
      this.#store.remove(metadata.uid);
      this.#workers.interrupt(metadata.uid, 'the file of the static pod has gone or changed');
    }
    this.#staticPods = pods;
    this.#mirrors.setStatics(pods);
    this.#placeStatics();
    this.#enqueueAll();
  }

  /** A changed static pod starts when the one it replaces has come to its end. */
  #placeStatics(): void {
    for (const pod of this.#staticPods) {
      if (this.#store.get(pod.metadata.uid) !== undefined || this.#workers.hasOther(pod)) continue;
      this.#store.put(pod, true);
      this.#workers.enqueue(pod.metadata.uid);
    }
  }

  #hasSynced(): boolean {
    return this.#source.hasSynced() && this.#statics.hasSynced();
  }

  #objectsChanged(uids: readonly string[]): void {
    for (const uid of uids) {
      const known = this.#store.get(uid);
      if (known === undefined) continue;
      void this.#volumes.refresh(known.pod);
      this.#workers.retry(uid);
    }
  }

  #classChanged(name: string): void {
    for (const {pod} of this.#store.all())
      if (pod.spec.runtimeClassName === name) this.#workers.enqueue(pod.metadata.uid);
  }

  /** Pods of the runtime that no source knows are among them. */
  #enqueueAll(): void {
    for (const uid of new Set([...this.#known(), ...this.#runtime.uids()])) this.#workers.enqueue(uid);
  }

  #known(): string[] {
    return [...this.#store.all().map(({pod}) => pod.metadata.uid), ...this.#workers.uids()];
  }

  async #checkHealth(): Promise<void> {
    if (await this.#health.check()) this.#enqueueAll();
    if (this.#stopped) return;
    const ms = this.#health.networkReady ? healthMs : startingHealthMs;
    this.#cancelHealth = this.#options.clock.after(ms, () => void this.#checkHealth());
  }

  async #stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelHealth();
    this.#statics.stop();
    await Promise.all([
      this.#source.stop(),
      this.#mirrors.stop(),
      this.#events.stop(),
      ...this.#upkeep.map((part) => part.stop()),
      this.#workers.stop(),
    ]);
    this.#probes.stop();
    this.#volumes.stop();
    await Promise.all([this.#objects.stop(), this.#classes.stop(), this.#writer.stop()]);
  }
}
