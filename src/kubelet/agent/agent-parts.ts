import type {KubeletConfig} from '../../config/kubelet.ts';
import {type Cgroups, openCgroups} from '../../edges/cgroups/cgroups.ts';
import {systemdCgroups} from '../../edges/cgroups/systemd-cgroups.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {makeDirectory} from '../../edges/files/files.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import type {EventRecorder} from '../../edges/kube/events.ts';
import type {Node, Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {Rejection} from '../admission/types.ts';
import type {DynamicResources} from '../dra/manager.ts';
import {type ImageSources, openImageSources} from '../images/start.ts';
import type {ResourceManagers} from '../managers/manager.ts';
import {readNodeFacts} from '../node-facts.ts';
import type {UserNamespaces} from '../pod/config/security/user-namespaces.ts';
import type {NodeFacts, ServiceSource} from '../pod/deps.ts';
import {ResourceRecords} from '../resize/records.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import {openUserNamespaces} from '../user-namespaces.ts';
import type {VolumePlugin} from '../volumes/types.ts';

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
  /** Devices, processors and memory that containers have for themselves. */
  readonly managers?: ResourceManagers;
  /** What pods get by ResourceClaims. */
  readonly dynamicResources?: DynamicResources;
};

/** What is read from this machine before any pod is looked at. */
export type AgentParts = {
  readonly cgroups: Cgroups;
  readonly facts: NodeFacts;
  readonly records: ResourceRecords;
  readonly images: ImageSources;
  readonly userNamespaces: UserNamespaces;
};

export async function openAgentParts(options: PodAgentOptions): Promise<AgentParts> {
  const {config} = options;
  await Promise.all(
    [`${config.rootDir}/pods`, config.podLogsDir, config.containerLogDir].map((path) =>
      makeDirectory(path, 0o755),
    ),
  );
  const files = await openCgroups();
  const plain = config.cgroupDriver === 'systemd' ? systemdCgroups(files) : files;
  const cgroups = options.telemetry?.cgroups.timed(plain) ?? plain;
  const facts = await readNodeFacts(config, files.v2, {
    hostIps: options.nodeIps,
    allocatable: options.allocatable,
  });
  const records = await ResourceRecords.open(config.rootDir, options.log);
  const images = await openImageSources(options);
  const userNamespaces = await openUserNamespaces(config);
  return {cgroups, facts, records, images, userNamespaces};
}
