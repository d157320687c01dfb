import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cgroups} from '../../edges/cgroups/cgroups.ts';
import type {Cri} from '../../edges/cri/client.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import type {EventRecorder} from '../../edges/kube/events.ts';
import type {Container, Pod, Service} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {ObjectSource} from '../api/objects.ts';
import type {RuntimeClassSource} from '../api/runtime-classes.ts';
import type {DynamicResources} from '../dra/manager.ts';
import type {ResourceManagers} from '../managers/manager.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import type {ContainerDevice, ContainerMount} from './config/container-config.ts';
import type {EnvironmentVariable} from './config/environment/environment.ts';
import type {ResourceFacts} from './config/resources/resources.ts';
import type {SecurityFacts} from './config/security/security.ts';
import type {UserNamespaces} from './config/security/user-namespaces.ts';

/** The Services of the cluster, for environments. */
export type ServiceSource = {services(): Iterable<Service>; hasSynced(): boolean};

/** The volumes of pods, whatever their kinds. */
export type PodVolumes = {
  /** Resolves when all volumes of the pod stand; does nothing to those that do. */
  prepare(pod: Pod, signal: AbortSignal): Promise<void>;
  /** The mounts of a container, in the order of its volumeMounts. @throws PodConfigError */
  mounts(
    pod: Pod,
    container: Container,
    environment: readonly EnvironmentVariable[],
  ): Promise<readonly ContainerMount[]>;
  /** The devices of a container, in the order of its volumeDevices. @throws PodConfigError */
  devices(pod: Pod, container: Container): readonly ContainerDevice[];
  /** Groups that the pod's volumes want its containers to be in. */
  groups(uid: string): readonly number[];
  /**
   * The start of a file in a volume of the pod, links in it followed as far as they stay inside; undefined where there
   * is no such volume. @throws where there is no such file
   */
  file(uid: string, volume: string, path: string): Promise<string | undefined>;
  /** Whether mounts of the pod that ask for it can be read-only with all that is mounted below them. */
  recursiveReadOnly(pod: Pod): Promise<boolean>;
  /** Takes away all volumes of the pod. @throws while one is busy */
  tearDown(uid: string): Promise<void>;
};

/** What of this node pods are made with. */
export type NodeFacts = {
  readonly resources: ResourceFacts;
  readonly security: SecurityFacts;
  /** The kernel confines by AppArmor. */
  readonly appArmor: boolean;
  readonly hostIps: () => readonly string[];
  /** status.allocatable of the node. */
  readonly allocatable: () => Readonly<Record<string, string>>;
};

/** What every part of the pod room is given. */
export type PodDeps = {
  readonly client: KubeClient;
  readonly cri: Cri;
  readonly config: KubeletConfig;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cgroups: Cgroups;
  readonly volumes: PodVolumes;
  readonly objects: ObjectSource;
  readonly services: ServiceSource;
  readonly runtimeClasses: Pick<RuntimeClassSource, 'handler'>;
  readonly facts: NodeFacts;
  readonly userNamespaces: Pick<UserNamespaces, 'of' | 'release'>;
  /** Whether a handler of the runtime ('' is its default) has user namespaces. */
  readonly hasUserNamespaces: (handler: string) => boolean;
  /** Devices, processors and memory that containers have for themselves. */
  readonly managers?: ResourceManagers;
  /** What pods get by ResourceClaims. */
  readonly dynamicResources?: Pick<
    DynamicResources,
    'prepare' | 'unprepare' | 'holds' | 'cdiDevices' | 'status'
  >;
  readonly telemetry?: Pick<Telemetry, 'node' | 'pods' | 'podCounts' | 'resizes'>;
};
