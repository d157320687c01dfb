import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cgroups} from '../../edges/cgroups/cgroups.ts';
import type {Cri} from '../../edges/cri/client.ts';
import type {EventRecorder} from '../../edges/kube/events.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {ActivePod} from '../admission/types.ts';
import type {PodStore} from '../api/pod-store.ts';
import type {DynamicResources} from '../dra/manager.ts';
import type {Reclaim} from '../eviction/reclaim.ts';
import {startImageCollector} from '../images/collector.ts';
import type {PullRecords} from '../images/records/pull-records.ts';
import {startLogRotation} from '../logs/rotation.ts';
import type {ResourceManagers} from '../managers/manager.ts';
import {startPlacements} from '../managers/placements.ts';
import type {UserNamespaces} from '../pod/config/security/user-namespaces.ts';
import {isTerminal} from '../pod/status/phase.ts';
import type {PodWorkers} from '../pod/worker.ts';
import type {RuntimeCache} from '../runtime/cache.ts';
import {startShimCollector} from '../runtime/shims.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import type {KeptVolumes} from '../volumes/pod-volumes.ts';
import {removeDead, startCollector} from './collector.ts';

export type UpkeepOptions = {
  readonly config: KubeletConfig;
  readonly cri: Cri;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: EventRecorder;
  readonly pulls: Pick<PullRecords, 'prune'>;
  readonly runtime: RuntimeCache;
  readonly store: PodStore;
  readonly workers: PodWorkers;
  readonly volumes: Pick<KeptVolumes, 'tearDown' | 'collect'>;
  readonly userNamespaces: Pick<UserNamespaces, 'release'>;
  /** Every source has told all it has: what none of them knows may go. */
  readonly hasSynced: () => boolean;
  readonly active: () => readonly ActivePod[];
  readonly managers?: ResourceManagers;
  readonly dynamicResources?: Pick<DynamicResources, 'collect'>;
  readonly telemetry?: Pick<Telemetry, 'node'>;
};

export type Upkeep = {
  /** Nothing of the pod is left but what `reclaim` would remove. */
  isOver(uid: string): boolean;
  /** Removes what nobody needs, so that no pod has to go. */
  reclaim(what: Reclaim): Promise<void>;
  stop(): Promise<void>;
};

/** What goes on beside the pods: leftovers, logs and images are kept within bounds. */
export function startUpkeep(options: UpkeepOptions): Upkeep {
  const {config, runtime, store, workers, volumes, hasSynced} = options;
  const images = startImageCollector({
    ...options,
    pods: () => store.all().map(({pod}) => pod),
    ready: () => hasSynced() && runtime.hasListed,
  });
  const known = () => [...store.all().map(({pod}) => pod.metadata.uid), ...workers.uids()];
  const parts = [
    startCollector({
      ...options,
      known: () => (hasSynced() ? new Set(known()) : undefined),
      tearDownVolumes: (uid) => volumes.tearDown(uid),
      releaseIds: (uid) => options.userNamespaces.release(uid),
      collectVolumes: () => volumes.collect(),
      collectClaims: async (uids) => options.dynamicResources?.collect(uids),
    }),
    startLogRotation(options),
    startShimCollector({
      ...options,
      endpoint: config.containerRuntimeEndpoint,
      timeoutMs: config.runtimeRequestTimeout,
    }),
    images,
    ...(options.managers === undefined ? [] : [startPlacements({...options, managers: options.managers})]),
  ];
  const isOver = (uid: string) => podIsOver(uid, store, workers);
  return {
    isOver,
    async reclaim(what) {
      if (what === 'unused-images') return images.removeUnused();
      if (hasSynced()) await removeDead({...options, isOver});
    },
    async stop() {
      await Promise.all(parts.map((part) => part.stop()));
    },
  };
}

/** It has come to its end, and the API server has taken that: only the runtime's records tell its exit codes until then. */
export function podIsOver(
  uid: string,
  store: Pick<PodStore, 'get'>,
  workers: Pick<PodWorkers, 'uids' | 'isCleanedUp'>,
): boolean {
  const pod = store.get(uid)?.pod;
  if (pod === undefined) return !workers.uids().includes(uid);
  return isTerminal(pod.status?.phase) && workers.isCleanedUp(uid);
}
