import type {Pod} from '../../lib/kubernetes.ts';
import {quantityValue} from '../../lib/quantity.ts';
import {podLimits} from '../pod/config/resources/pod-resources.ts';
import type {PodStorage} from '../stats/types.ts';
import {formatSum} from './quantity-text.ts';
import {ephemeralStorage} from './usage.ts';

/** Named as in the metric of evictions. */
export type LimitSignal = 'emptydirfs.limit' | 'ephemeralpodfs.limit' | 'ephemeralcontainerfs.limit';

export type ExceededLimit = {readonly signal: LimitSignal; readonly message: string};

/** The first limit on what it stores that a pod has exceeded (localStorageEviction). */
export function exceededLimit(
  pod: Pod,
  stats: PodStorage,
  dedicatedImages: boolean,
): ExceededLimit | undefined {
  return emptyDirLimit(pod, stats) ?? podLimit(pod, stats) ?? containerLimit(pod, stats, dedicatedImages);
}

function emptyDirLimit({spec}: Pod, {volumes}: PodStorage): ExceededLimit | undefined {
  for (const {name, emptyDir} of spec.volumes ?? []) {
    const limit = quantityValue(emptyDir?.sizeLimit);
    const used = volumes.find((volume) => volume.name === name)?.usedBytes ?? 0;
    if (emptyDir?.sizeLimit === undefined || limit <= 0 || used <= limit) continue;
    return {
      signal: 'emptydirfs.limit',
      message: `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir.sizeLimit}". `,
    };
  }
  return undefined;
}

/** Limits of all containers together; one without a limit does not lift those of the others. */
function podLimit({spec}: Pod, stats: PodStorage): ExceededLimit | undefined {
  const limit = podLimits(spec, {overhead: false})['ephemeral-storage'];
  if (limit === undefined || ephemeralStorage(stats).usedBytes <= quantityValue(limit)) return undefined;
  const text = formatSum(limit, textsOf(spec));
  return {
    signal: 'ephemeralpodfs.limit',
    message: `Pod ephemeral local storage usage exceeds the total limit of containers ${text}. `,
  };
}

function textsOf(spec: Pod['spec']): string[] {
  return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(
    ({resources}) => resources?.limits?.['ephemeral-storage'] ?? [],
  );
}

/** Logs count always, the writable layer where it lies on the node's own file system. */
function containerLimit(
  {spec}: Pod,
  {containers}: PodStorage,
  dedicatedImages: boolean,
): ExceededLimit | undefined {
  for (const {name, rootfs, logs} of containers) {
    const limit = spec.containers.find((container) => container.name === name)?.resources?.limits?.[
      'ephemeral-storage'
    ];
    const used = (logs?.usedBytes ?? 0) + (dedicatedImages ? 0 : (rootfs?.usedBytes ?? 0));
    if (limit === undefined || quantityValue(limit) === 0 || used <= quantityValue(limit)) continue;
    return {
      signal: 'ephemeralcontainerfs.limit',
      message: `Container ${name} exceeded its local ephemeral storage limit "${limit}". `,
    };
  }
  return undefined;
}
