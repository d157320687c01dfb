import type {Pod} from '../../lib/kubernetes.ts';
import {nodes} from '../../lib/resources.ts';
import type {ActivePod} from '../admission/types.ts';
import {activePods, leavingPods} from '../api/active-pods.ts';
import {type ObjectSource, startObjectSource} from '../api/objects.ts';
import {PodStore} from '../api/pod-store.ts';
import {queries} from '../api/queries.ts';
import {type RuntimeClassSource, startRuntimeClasses} from '../api/runtime-classes.ts';
import {StatusWriter} from '../api/status-writer.ts';
import {startPodImages} from '../images/start.ts';
import {isTerminal} from '../pod/status/phase.ts';
import type {PodView} from '../pod/status/view.ts';
import {type PodWorkers, startPodWorkers, type WorkLimits} from '../pod/worker.ts';
import {type Probes, startProbes} from '../probes/manager.ts';
import type {ResourceRecords} from '../resize/records.ts';
import {RuntimeCache} from '../runtime/cache.ts';
import type {RuntimeEvents} from '../runtime/events.ts';
import {followRuntime} from '../runtime/follow.ts';
import {RuntimeHealth} from '../runtime/readiness.ts';
import {StartLimit} from '../runtime/start-limit.ts';
import {type PodSource, startApiSource} from '../sources/api.ts';
import {Mirrors} from '../sources/mirror.ts';
import {StaticPods} from '../sources/static-pods.ts';
import type {ProbeDone} from '../stats/metrics/pods/probe-metrics.ts';
import type {KeptVolumes} from '../volumes/pod-volumes.ts';
import {startPodVolumes} from '../volumes/start.ts';
import type {PodAgent} from './agent-api.ts';
import {type AgentParts, openAgentParts, type PodAgentOptions} from './agent-parts.ts';
import {PodChanges, type PodChangesParts} from './pod-changes.ts';
import {startUpkeep, type Upkeep} from './upkeep.ts';

const callTimeoutMs = 10_000;

/** Runs the pods of this node until it is stopped. Stopping touches no container. */
export async function startPodAgent(options: PodAgentOptions): Promise<PodAgent> {
  return new Agent(options, await openAgentParts(options)).api();
}

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
  readonly #statics: StaticPods;
  readonly #changes: PodChanges;
  readonly #events: RuntimeEvents;
  readonly #upkeep: Upkeep;

  constructor(options: PodAgentOptions, parts: AgentParts) {
    const {client, cri, clock, log, config, recorder} = options;
    const onChange = (uid: string) => this.#workers.enqueue(uid);
    this.#options = options;
    this.#records = parts.records;
    this.#health = new RuntimeHealth(cri, clock);
    this.#objects = startObjectSource({
      client,
      clock,
      log,
      onChange: (uids, changed) => this.#changes.objects(uids, changed),
    });
    this.#volumes = startPodVolumes(options, this.#objects, async ({spec}) =>
      this.#health.recursiveReadOnly(await this.#classes.handler(spec.runtimeClassName)),
    );
    const onRead = () => {
      const startMs = clock.monotonic();
      return () => options.telemetry?.podRead(clock.monotonic() - startMs);
    };
    this.#runtime = new RuntimeCache({cri, timeoutMs: config.runtimeRequestTimeout, onChange, onRead});
    this.#writer = this.#openWriter();
    const onProbe = (done: ProbeDone) => options.telemetry?.probes.done(done);
    this.#probes = startProbes({cri, clock, recorder, hostIps: options.nodeIps, onChange, onProbe});
    this.#classes = startRuntimeClasses({
      client,
      clock,
      log,
      onChange: (name) => this.#changes.runtimeClass(name),
    });
    const view = this.#viewWith(parts, onChange);
    this.#workers = startPodWorkers(view, this.#limits(), () => this.#statics.place());
    // A mirror without a static pod goes only when it is known which there are.
    const ending = (pod: Pod) => !this.#statics.hasSynced() || this.#workers.hasOther(pod);
    this.#mirrors = new Mirrors({...options, ending});
    this.#changes = new PodChanges(this.#told());
    const lookAtAll = () => this.#changes.all();
    this.#source = startApiSource({
      ...options,
      onEvent: (event) => this.#changes.told(event),
      onSynced: lookAtAll,
    });
    this.#statics = this.#startStatics();
    this.#events = followRuntime({
      ...options,
      runtime: this.#runtime,
      health: this.#health,
      onPod: onChange,
      onBack: lookAtAll,
    });
    this.#upkeep = startUpkeep({
      ...options,
      cgroups: parts.cgroups,
      userNamespaces: parts.userNamespaces,
      pulls: parts.images.records,
      runtime: this.#runtime,
      store: this.#store,
      workers: this.#workers,
      volumes: this.#volumes,
      active: () => this.#active(),
      hasSynced: () => this.#hasSynced(),
    });
    this.#health.start(lookAtAll);
  }

  #openWriter(): StatusWriter {
    const options = this.#options;
    const {client, clock, log} = options;
    return new StatusWriter({
      client,
      clock,
      log,
      onWritten: (uid) => this.#statusWritten(uid),
      onSynced: (seconds) => options.telemetry?.podCounts.statusSynced(seconds),
    });
  }

  /** What a change of anything may touch. */
  #told(): PodChangesParts {
    return {
      ...this.#options,
      store: this.#store,
      workers: this.#workers,
      writer: this.#writer,
      mirrors: this.#mirrors,
      volumes: this.#volumes,
      runtime: this.#runtime,
    };
  }

  #startStatics(): StaticPods {
    const options = this.#options;
    const {config} = options;
    return new StaticPods({
      ...options,
      store: this.#store,
      workers: this.#workers,
      mirrors: this.#mirrors,
      directory: config.staticPodPath,
      everyMs: config.fileCheckFrequency,
      url: config.staticPodURL,
      headers: config.staticPodURLHeader,
      urlEveryMs: config.httpCheckFrequency,
      onPlaced: () => this.#changes.all(),
    });
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
      mirrors: () => this.#mirrors.count(),
      runtimeReady: () => this.#health.readiness(),
      active: () => this.#active(),
      runtimeOf: (uid) => this.#runtime.peek(uid),
      volumeUsage: (pod, signal) => this.#volumes.usage(pod, signal),
      end: (uid, verdict) => this.#workers.end(uid, verdict),
      retry: (uid) => this.#workers.retry(uid),
      isCleanedUp: (uid) => this.#workers.isCleanedUp(uid),
      isOver: (uid) => this.#upkeep.isOver(uid),
      reclaim: (what) => this.#upkeep.reclaim(what),
      stop: () => this.#stop(),
    };
  }

  /** Where the workers look. */
  #viewWith({cgroups, facts, images, userNamespaces}: AgentParts, onChange: (uid: string) => void): PodView {
    const options = this.#options;
    return {
      deps: {
        ...options,
        cgroups,
        facts,
        volumes: this.#volumes,
        objects: this.#objects,
        runtimeClasses: this.#classes,
        userNamespaces,
        hasUserNamespaces: (handler) => this.#health.userNamespaces(handler),
      },
      runtime: this.#runtime,
      images: startPodImages({...options, objects: this.#objects, onChange}, images),
      probes: this.#probes,
      writer: this.#writer,
      find: (uid) => this.#store.get(uid),
      carrier: (pod) => (this.#store.get(pod.metadata.uid)?.isStatic ? this.#mirrors.mirrorOf(pod) : pod),
      sourcesSynced: () => this.#hasSynced(),
      networkProblem: () => this.#health.networkProblem,
      node: options.node,
      freshNode: () => options.client.get(nodes, {name: options.nodeName}, {timeoutMs: callTimeoutMs}),
      active: () => this.#active(),
      leaving: () => leavingPods(this.#active(), this.#workers, this.#runtime),
      records: this.#records,
      roomMade: () => this.#workers.roomMade(),
      end: (uid, verdict) => this.#workers.end(uid, verdict),
      refuse: options.refuse ?? (() => undefined),
      onWorked: (work, seconds) => options.telemetry?.pods.worked(work, seconds),
    };
  }

  #limits(): WorkLimits {
    const {startsAtOnce, clock} = this.#options;
    return {limit: new StartLimit(startsAtOnce, clock), endLimit: new StartLimit(startsAtOnce, clock)};
  }

  #active(): readonly ActivePod[] {
    return activePods(this.#store, this.#workers, this.#runtime, this.#records);
  }

  #statusWritten(uid: string): void {
    const {clock, telemetry} = this.#options;
    const pod = this.#store.get(uid)?.pod;
    const written = this.#writer.written(uid);
    if (pod !== undefined) telemetry?.statusWritten(pod, written, clock.now());
    // Only an object's deletion waits for what the server has; the watch tells of this write in any case.
    if (isTerminal(written?.phase)) this.#workers.enqueue(uid);
  }

  #hasSynced(): boolean {
    return this.#source.hasSynced() && this.#statics.hasSynced();
  }

  async #stop(): Promise<void> {
    this.#health.stop();
    this.#statics.stop();
    await Promise.all([
      this.#source.stop(),
      this.#mirrors.stop(),
      this.#events.stop(),
      this.#upkeep.stop(),
      this.#workers.stop(),
    ]);
    this.#probes.stop();
    this.#volumes.stop();
    await Promise.all([this.#objects.stop(), this.#classes.stop(), this.#writer.stop()]);
  }
}
