import {Counter, Gauge, Histogram, type Registry} from 'prom-client';

const pullBuckets = [1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];

const mib = 2 ** 20;
const gib = 2 ** 30;
/** What an image may have at most, and how the label calls that. */
const sizes: readonly (readonly [number, string])[] = [
  [10 * mib, '0-10MB'],
  [100 * mib, '10MB-100MB'],
  [500 * mib, '100MB-500MB'],
  [gib, '500MB-1GB'],
  [5 * gib, '1GB-5GB'],
  [10 * gib, '5GB-10GB'],
  [20 * gib, '10GB-20GB'],
  [30 * gib, '20GB-30GB'],
  [40 * gib, '30GB-40GB'],
  [60 * gib, '40GB-60GB'],
  [100 * gib, '60GB-100GB'],
];

/** What was found when a container asked for its image; undefined where that was never looked at. */
export type ImageAsked = {
  readonly policy: string;
  readonly present: boolean | undefined;
  readonly pull: boolean | undefined;
};

/** Whether a pod may have an image that is here, and by what. */
export type AccessCheck = 'credentialPolicyAllowed' | 'credentialRecordFound' | 'mustAuthenticate' | 'error';

export type NotedPulls = {readonly intents: number; readonly records: number};

/** Images that containers ask for (pkg/kubelet/images, its pullmanager, and pkg/kubelet/metrics). */
export class ImageMetrics {
  readonly #pulls: Histogram<'image_size_in_bytes'>;
  readonly #asked: Counter<'pull_policy' | 'present_locally' | 'pull_required'>;
  readonly #checks: Counter<'result'>;
  #noted: () => Promise<NotedPulls> = async () => ({intents: 0, records: 0});

  constructor(registry: Registry) {
    const registers = [registry];
    this.#pulls = new Histogram({
      registers,
      name: 'kubelet_image_pull_duration_seconds',
      help: 'Duration in seconds to pull an image.',
      buckets: pullBuckets,
      labelNames: ['image_size_in_bytes'],
    });
    this.#asked = new Counter({
      registers,
      name: 'kubelet_image_manager_ensure_image_requests_total',
      help: 'Number of ensure-image requests processed by the kubelet.',
      labelNames: ['pull_policy', 'present_locally', 'pull_required'],
    });
    this.#checks = new Counter({
      registers,
      name: 'kubelet_imagemanager_image_mustpull_checks_total',
      help: 'Counter for how many times kubelet checked whether credentials need to be re-verified to access an image',
      labelNames: ['result'],
    });
    const noted = () => this.#noted();
    new Gauge({
      registers,
      name: 'kubelet_imagemanager_ondisk_pullintents',
      help: 'Number of ImagePullIntents stored on disk.',
      async collect() {
        this.set((await noted()).intents);
      },
    });
    new Gauge({
      registers,
      name: 'kubelet_imagemanager_ondisk_pulledrecords',
      help: 'Number of ImagePulledRecords stored on disk.',
      async collect() {
        this.set((await noted()).records);
      },
    });
  }

  /** Who keeps notes of pulls; they are counted when somebody asks. */
  follow(counts: () => Promise<NotedPulls>): void {
    this.#noted = counts;
  }

  /** The wait for a turn included. */
  pulled(seconds: number, bytes: number): void {
    this.#pulls.observe({image_size_in_bytes: sizeLabel(bytes)}, seconds);
  }

  asked({policy, present, pull}: ImageAsked): void {
    this.#asked.inc({
      pull_policy: policy.toLowerCase(),
      present_locally: String(present ?? 'unknown'),
      pull_required: String(pull ?? 'unknown'),
    });
  }

  checked(result: AccessCheck): void {
    this.#checks.inc({result});
  }
}

function sizeLabel(bytes: number): string {
  if (bytes <= 0) return 'N/A';
  return sizes.find(([most]) => bytes <= most)?.[1] ?? 'GT100GB';
}
