import type {KubeletConfig} from '../../config/kubelet.ts';
import {helloImage, pauseImage} from '../../config/runtime/images.ts';
import {type Cri, isCriNotFound} from '../../edges/cri/client.ts';
import type {Image} from '../../edges/cri/gen/api_pb.ts';
import {sandboxImage} from '../../edges/cri/sandbox-image.ts';
import type {EventRecorder} from '../../edges/kube/events.ts';
import {diskSpace} from '../../edges/mounts/disk.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {type Periodic, startPeriodic} from '../periodic.ts';
import {isTerminal} from '../pod/status/phase.ts';
import type {RuntimeCache} from '../runtime/cache.ts';
import type {NodeMetrics} from '../stats/metrics/node-metrics.ts';
import {
  type ImagePresent,
  type ImageRecord,
  remember,
  removableNow,
  type Space,
  shortage,
  sizeText,
  tooOld,
} from './garbage.ts';
import type {PullRecords} from './records/pull-records.ts';
import {parseImage} from './reference.ts';

export type ImageCollectorOptions = {
  readonly config: KubeletConfig;
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: EventRecorder;
  readonly runtime: RuntimeCache;
  readonly pods: () => readonly Pod[];
  /** Who may have which image; forgotten with the image. */
  readonly pulls?: Pick<PullRecords, 'prune'>;
  /** Everything that may use an image is known. */
  readonly ready: () => boolean;
  /** Space of the disk that holds the images; the runtime's own directory tells it. */
  readonly space?: () => Promise<Space | undefined>;
  readonly everyMs?: number;
  readonly telemetry?: {readonly node: Pick<NodeMetrics, 'imageRemoved'>};
};

/** No registry has them. */
const embedded = [pauseImage, helloImage];
/** Kubernetes' period. */
const periodMs = 300_000;
const firstMs = 10_000;

export type ImageCollecting = Periodic & {
  /** Removes all images that nobody uses and that were not just pulled. */
  removeUnused(): Promise<void>;
};

/** Removes images that nobody uses, when the disk gets full or they are old. */
export function startImageCollector(options: ImageCollectorOptions): ImageCollecting {
  const {clock, log, config} = options;
  const everyMs = options.everyMs ?? periodMs;
  const collector = new ImageCollector(options);
  const removeUnused = async () => {
    if (options.ready()) await collector.removeUnused();
  };
  if (config.imageGCHighThresholdPercent === 100 && config.imageMaximumGCAge === 0)
    return {removeUnused, stop: () => Promise.resolve()};
  let failed = false;
  const rounds = startPeriodic({clock, firstMs: Math.min(firstMs, everyMs), everyMs}, async (isStopped) => {
    if (!options.ready()) return;
    try {
      await collector.round(isStopped);
      failed = false;
    } catch (error) {
      log.warn('images could not be collected', {error: describeError(error)});
      // Once may be a runtime that was just restarted.
      if (failed) collector.tell('ImageGCFailed', describeError(error));
      failed = true;
    }
  });
  return {removeUnused, stop: () => rounds.stop()};
}

class ImageCollector {
  readonly #options: ImageCollectorOptions;
  readonly #startedMs: number;
  #records: ReadonlyMap<string, ImageRecord> = new Map();
  #sandboxImage = '';

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
  }

  async round(isStopped: () => boolean): Promise<void> {
    const {clock, config, pulls} = this.#options;
    const sinceMs = clock.now();
    const policy = {
      highPercent: config.imageGCHighThresholdPercent,
      lowPercent: config.imageGCLowThresholdPercent,
      minAgeMs: config.imageMinimumGCAge,
      maxAgeMs: config.imageMaximumGCAge,
    };
    await this.#look();
    await pulls?.prune(new Set(this.#records.keys()), sinceMs);
    const nowMs = clock.monotonic();
    const old = tooOld(this.#records, policy, this.#startedMs, nowMs);
    await this.#removeUntil(old, 'age', Number.POSITIVE_INFINITY, isStopped);
    const space = await (this.#options.space ?? (() => this.#imageSpace()))();
    if (space === undefined) return;
    if (space.totalBytes === 0)
      return this.tell('InvalidDiskCapacity', 'invalid capacity 0 on image filesystem');
    const short = shortage(this.#records, space, policy, nowMs);
    if (short === undefined) return;
    const freed = await this.#removeUntil(short.candidates, 'space', short.bytesToFree, isStopped);
    if (freed < short.bytesToFree && !isStopped())
      this.tell('FreeDiskSpaceFailed', insufficient(short.usedPercent, space.totalBytes, freed));
  }

  async removeUnused(): Promise<void> {
    await this.#look();
    const nowMs = this.#options.clock.monotonic();
    const unused = removableNow(this.#records, this.#options.config.imageMinimumGCAge, nowMs);
    await this.#removeUntil(unused, 'space', Number.POSITIVE_INFINITY, () => false);
  }

  async #look(): Promise<void> {
    const {cri, config, clock} = this.#options;
    const timeout = {timeoutMs: config.runtimeRequestTimeout};
    // Every pod has it, and a runtime that does not pin it would let it go.
    this.#sandboxImage = await sandboxImage(cri, timeout);
    const {images} = await cri.images.listImages({}, timeout);
    // Asked after the list: what came into use since then is not on it.
    this.#records = remember(this.#records, images.map(presentOf), this.#used(), clock.monotonic());
  }

  /** Images of containers that exist, ended or not, and those that pods will be started with. */
  #used(): Set<string> {
    const {runtime, pods} = this.#options;
    const ofContainers = runtime
      .uids()
      .flatMap((uid) => runtime.peek(uid)?.containers ?? [])
      .flatMap(({image, imageRef}) => [image, imageRef]);
    const ofPods = pods()
      .filter(({status}) => !isTerminal(status?.phase))
      .flatMap(imagesOf);
    return new Set([...ofContainers, ...ofPods, ...embedded, this.#sandboxImage]);
  }

  async #removeUntil(
    records: readonly ImageRecord[],
    reason: 'age' | 'space',
    bytes: number,
    isStopped: () => boolean,
  ): Promise<number> {
    const {cri, config, log, telemetry} = this.#options;
    let freed = 0;
    for (const {id, bytes: size} of records) {
      if (freed >= bytes || isStopped()) break;
      // A pod may have come for it since the list.
      if (this.#used().has(id)) continue;
      try {
        log.info('removing an image that is not used', {image: id, bytes: size});
        await cri.images.removeImage({image: {image: id}}, {timeoutMs: config.runtimeRequestTimeout});
        telemetry?.node.imageRemoved(reason);
      } catch (error) {
        if (!isCriNotFound(error)) {
          log.warn('an image could not be removed', {image: id, error: describeError(error)});
          continue;
        }
      }
      freed += size;
      this.#records = new Map([...this.#records].filter(([known]) => known !== id));
    }
    return freed;
  }

  async #imageSpace(): Promise<Space | undefined> {
    const {cri, config} = this.#options;
    const {imageFilesystems} = await cri.images.imageFsInfo({}, {timeoutMs: config.runtimeRequestTimeout});
    const mountpoint = imageFilesystems[0]?.fsId?.mountpoint;
    return mountpoint === undefined ? undefined : diskSpace(mountpoint);
  }

  tell(reason: string, message: string): void {
    const {nodeName: name} = this.#options.config;
    this.#options.recorder.record({kind: 'Node', name, uid: name}, 'Warning', reason, message);
  }
}

function presentOf({id, size, pinned, repoTags, repoDigests}: Image): ImagePresent {
  return {id, bytes: Number(size), pinned, names: [...repoTags, ...repoDigests]};
}

/** As the runtime names them: with domain, tag or digest. */
function imagesOf({spec}: Pod): string[] {
  const {containers, initContainers = [], ephemeralContainers = [], volumes = []} = spec;
  const names = [
    ...[...containers, ...initContainers, ...ephemeralContainers].map(({image}) => image),
    ...volumes.map(({image}) => image?.reference),
  ];
  return names.flatMap((name) => {
    const parsed = name === undefined ? undefined : parseImage(name);
    if (parsed === undefined) return name === undefined ? [] : [name];
    const {repository, tag, digest} = parsed;
    return [digest === undefined ? `${repository}:${tag}` : `${repository}@${digest}`, parsed.name];
  });
}

function insufficient(usedPercent: number, totalBytes: number, freed: number): string {
  return (
    `Insufficient free disk space on the node's image filesystem (${usedPercent}% of ${sizeText(totalBytes)} used). ` +
    `Failed to free sufficient space by deleting unused images (freed ${freed} bytes). ` +
    'Investigate disk usage, as it could be used by active images, logs, volumes, or other data.'
  );
}
