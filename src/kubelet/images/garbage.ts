/** An image of the runtime, and what the kubelet remembers of it. Instants are monotonic milliseconds. */
export type ImageRecord = {
  readonly id: string;
  readonly bytes: number;
  readonly pinned: boolean;
  readonly inUse: boolean;
  readonly firstSeenMs: number;
  /** Undefined: not since the kubelet began. */
  readonly usedMs: number | undefined;
};

export type ImagePresent = Pick<ImageRecord, 'id' | 'bytes' | 'pinned'> & {readonly names: readonly string[]};

export type ImageGcPolicy = {
  readonly highPercent: number;
  readonly lowPercent: number;
  readonly minAgeMs: number;
  /** 0: images never are too old. */
  readonly maxAgeMs: number;
};

export type Space = {readonly totalBytes: number; readonly freeBytes: number};

/** What is known after a look: `used` are ids, names and digests of the images of containers and pods. */
export function remember(
  before: ReadonlyMap<string, ImageRecord>,
  present: readonly ImagePresent[],
  used: ReadonlySet<string>,
  nowMs: number,
): Map<string, ImageRecord> {
  return new Map(
    present.map(({id, bytes, pinned, names}) => {
      const old = before.get(id);
      const inUse = [id, ...names].some((name) => used.has(name));
      const usedMs = inUse ? nowMs : old?.usedMs;
      return [id, {id, bytes, pinned, inUse, firstSeenMs: old?.firstSeenMs ?? nowMs, usedMs}];
    }),
  );
}

/** Images that nobody has used for imageMaximumGCAge; none before the kubelet itself has run for so long. */
export function tooOld(
  records: ReadonlyMap<string, ImageRecord>,
  {maxAgeMs}: ImageGcPolicy,
  startedMs: number,
  nowMs: number,
): ImageRecord[] {
  if (maxAgeMs === 0 || nowMs - startedMs <= maxAgeMs) return [];
  return removable(records).filter(({usedMs}) => nowMs - (usedMs ?? startedMs) > maxAgeMs);
}

export type Shortage = {
  readonly usedPercent: number;
  readonly bytesToFree: number;
  /** In the order in which they go, until enough is free. */
  readonly candidates: readonly ImageRecord[];
};

/** Undefined while the disk of the images is below the high threshold (images/image_gc_manager.go). */
export function shortage(
  records: ReadonlyMap<string, ImageRecord>,
  {totalBytes, freeBytes}: Space,
  policy: ImageGcPolicy,
  nowMs: number,
): Shortage | undefined {
  const available = Math.min(freeBytes, totalBytes);
  const usedPercent = 100 - Math.floor((available * 100) / totalBytes);
  if (usedPercent < policy.highPercent) return undefined;
  const bytesToFree = Math.floor((totalBytes * (100 - policy.lowPercent)) / 100) - available;
  const candidates = removableNow(records, policy.minAgeMs, nowMs);
  return {usedPercent, bytesToFree, candidates};
}

/** What nobody uses; not what was just pulled, for that is about to be used. */
export function removableNow(
  records: ReadonlyMap<string, ImageRecord>,
  minAgeMs: number,
  nowMs: number,
): ImageRecord[] {
  return removable(records).filter(({firstSeenMs}) => nowMs - firstSeenMs >= minAgeMs);
}

/** Least recently used first, then the longest known. */
function removable(records: ReadonlyMap<string, ImageRecord>): ImageRecord[] {
  return [...records.values()]
    .filter(({inUse, pinned}) => !inUse && !pinned)
    .sort((a, b) => (a.usedMs ?? 0) - (b.usedMs ?? 0) || a.firstSeenMs - b.firstSeenMs);
}

const units = ['KiB', 'MiB', 'GiB', 'TiB'];

/** As the event of Kubernetes prints a size: `10.0 GiB` (formatSize). */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length);
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}
