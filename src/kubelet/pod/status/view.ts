import type {Node, Pod} from '../../../lib/kubernetes.ts';
import type {ActivePod, Rejection} from '../../admission/types.ts';
import type {StatusWriter} from '../../api/status-writer.ts';
import type {ImageManager} from '../../images/manager.ts';
import type {Probes} from '../../probes/manager.ts';
import type {ResourceRecords} from '../../resize/records.ts';
import type {RuntimeCache} from '../../runtime/cache.ts';
import type {PodWork} from '../../stats/metrics/pods/pod-metrics.ts';
import type {PodDeps} from '../deps.ts';
import type {Verdict} from '../seen.ts';

/** Where a worker looks. */
export type PodView = {
  readonly deps: PodDeps;
  readonly runtime: RuntimeCache;
  readonly images: ImageManager;
  readonly probes: Probes;
  readonly writer: StatusWriter;
  readonly find: (uid: string) => {readonly pod: Pod; readonly isStatic: boolean} | undefined;
  /** The object that carries the pod's status; undefined while a static pod has no mirror. */
  readonly carrier: (pod: Pod) => Pod | undefined;
  readonly sourcesSynced: () => boolean;
  readonly networkProblem: () => string | undefined;
  readonly node: () => Node | undefined;
  /** The Node as the API server has it now. */
  readonly freshNode: () => Promise<Node>;
  /** All pods that were admitted and have not come to their end. */
  readonly active: () => readonly ActivePod[];
  /** Pods that are being ended, and those of which something still runs though no source knows them. */
  readonly leaving: () => ReadonlySet<string>;
  /** What the pods were given. */
  readonly records: ResourceRecords;
  /** A pod needs less than before: others may have waited for that. */
  readonly roomMade: () => void;
  readonly end: (uid: string, verdict: Verdict) => void;
  /** Why the node takes no such pod just now (pressure, shutdown). */
  readonly refuse: (pod: Pod, isStatic: boolean) => Rejection | undefined;
  /** A round of work for a pod is over. */
  readonly onWorked?: (work: PodWork, seconds: number) => void;
};
