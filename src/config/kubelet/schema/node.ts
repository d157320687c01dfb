import * as z from 'zod/mini';
import {
  count,
  duration,
  flag,
  integer,
  minutes,
  oneOf,
  orCount,
  orDuration,
  quantities,
  seconds,
  text,
  textMap,
} from './kinds.ts';

const taint = z.strictObject({
  key: z.string().check(z.minLength(1)),
  value: z.optional(z.string()),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
  timeAdded: z.optional(z.never({error: 'is not for a configuration to say'})),
});

/** Where pods come from, apart from the API server. */
export const sources = {
  staticPodPath: text,
  staticPodURL: text,
  staticPodURLHeader: z._default(z.record(z.string(), z.array(z.string())), {}),
  fileCheckFrequency: orDuration(seconds(20)),
  httpCheckFrequency: orDuration(seconds(20)),
  syncFrequency: orDuration(minutes(1)),
  configMapAndSecretChangeDetectionStrategy: oneOf('Watch', 'Get', 'Cache'),
  runOnce: flag(false),
};

/** The Node object and what is reserved of it. */
export const node = {
  registerNode: flag(true),
  registerWithTaints: z._default(z.array(taint), []),
  providerID: text,
  podCIDR: text,
  /** 10 seconds, and the reports every 5 minutes; reports follow a frequency that is given: filled in by `complete`. */
  nodeStatusUpdateFrequency: z.optional(duration),
  nodeStatusReportFrequency: z.optional(duration),
  nodeLeaseDurationSeconds: orCount(40),
  nodeStatusMaxImages: z._default(integer.check(z.minimum(-1)), 50),
  maxPods: orCount(110),
  podsPerCore: z._default(count, 0),
  kubeReserved: quantities,
  systemReserved: quantities,
  kubeReservedCgroup: text,
  systemReservedCgroup: text,
  reservedSystemCPUs: text,
  enforceNodeAllocatable: z._default(
    z.array(
      z.enum([
        'pods',
        'none',
        'system-reserved',
        'system-reserved-compressible',
        'kube-reserved',
        'kube-reserved-compressible',
      ]),
    ),
    ['pods'],
  ),
  localStorageCapacityIsolation: flag(true),
  featureGates: z._default(z.record(z.string(), z.boolean()), {}),
};

/** What ends pods for the node's sake. */
export const eviction = {
  /** Kubernetes' Linux defaults where not given: filled in by `complete`. */
  evictionHard: z.optional(z.record(z.string(), z.string())),
  evictionSoft: textMap,
  evictionSoftGracePeriod: textMap,
  evictionPressureTransitionPeriod: orDuration(minutes(5)),
  evictionMaxPodGracePeriod: z._default(integer, 0),
  evictionMinimumReclaim: textMap,
  mergeDefaultEvictionSettings: flag(false),
  kernelMemcgNotification: flag(false),
  shutdownGracePeriod: z._default(duration, 0),
  shutdownGracePeriodCriticalPods: z._default(duration, 0),
  shutdownGracePeriodByPodPriority: z._default(
    z.array(z.strictObject({priority: integer, shutdownGracePeriodSeconds: count})),
    [],
  ),
};
