import type {CgroupSample} from '../../edges/cgroups/cgroup-sample.ts';
import type {DiskActivity} from '../../edges/mounts/disk-activity.ts';
import type {NetworkSample} from '../../edges/network/network-sample.ts';
import type {Handles} from '../../edges/process/open-files.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {VolumeUsage} from '../volumes/types.ts';

/** How full each of a pod's volumes is, by its name; those that cannot tell are left out. */
export type ReadVolumes = (pod: Pod, signal: AbortSignal) => Promise<ReadonlyMap<string, VolumeUsage>>;

/** Space on a file system. */
export type SpaceStats = {
  /** What it was mounted from: `/dev/sda1`. */
  readonly device: string;
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
  /** What is used of it by whatever is asked about; of a whole file system, everything. */
  readonly usedBytes: number;
  readonly inodesUsed: number;
};

export type Usage = {readonly usedBytes: number; readonly inodesUsed: number};

/** A cgroup at an instant, and how fast it has used the CPU of late. */
export type Measured = {
  readonly timeMs: number;
  readonly sample: CgroupSample;
  /** Undefined before a second sample. */
  readonly nanoCores?: number;
};

export type ContainerStats = {
  readonly name: string;
  readonly id: string;
  readonly image: string;
  readonly startedAtMs: number;
  /** Undefined where its cgroup is not known; the runtime's own figures are then taken. */
  readonly cgroup: string | undefined;
  readonly measured: Measured | undefined;
  readonly pids: readonly number[];
  /** Its writable layer; undefined until the runtime has told it. */
  readonly rootfs: Usage | undefined;
  readonly logs: Usage | undefined;
};

export type VolumeStats = VolumeUsage & {
  readonly name: string;
  readonly claim?: string;
  /** It counts as the pod's ephemeral storage. */
  readonly ephemeral: boolean;
};

export type SandboxStats = {
  readonly id: string;
  readonly startedAtMs: number;
  readonly cgroup: string | undefined;
  readonly measured: Measured | undefined;
};

export type PodStats = {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly startTime: string | undefined;
  readonly cgroup: string | undefined;
  /** The pod's own cgroup, which holds all of its containers. */
  readonly measured: Measured | undefined;
  readonly sandbox: SandboxStats | undefined;
  readonly network: readonly NetworkSample[] | undefined;
  /** Running ones. */
  readonly containers: readonly ContainerStats[];
  readonly volumes: readonly VolumeStats[];
  /** Files of the pod itself: /etc/hosts and what lies beside the containers' logs. */
  readonly own: Usage;
};

/** What a pod stores on this node. */
export type PodStorage = Pick<PodStats, 'uid' | 'volumes' | 'own'> & {
  readonly containers: readonly Pick<ContainerStats, 'name' | 'rootfs' | 'logs'>[];
};

export type NodeStats = {
  readonly bootTimeMs: number;
  readonly cpus: number;
  readonly memoryCapacityBytes: number;
  readonly swapCapacityBytes: number;
  readonly root: Measured;
  /** By the names of the summary API: `pods`, `kubelet`, `runtime`. */
  readonly system: ReadonlyMap<string, Measured & {readonly cgroup: string}>;
  readonly network: readonly NetworkSample[];
  readonly pids: {readonly max: number; readonly running: number};
};

export type DiskStats = {
  readonly timeMs: number;
  readonly node: SpaceStats;
  /** Of the device below the node's own file system. */
  readonly activity?: DiskActivity;
  readonly images: SpaceStats | undefined;
  readonly containers: SpaceStats | undefined;
  /** Images lie on another file system than the kubelet's root. */
  readonly dedicatedImages: boolean;
  /** Writable layers lie on another file system than images. */
  readonly splitContainers: boolean;
};

/** All that one reading of this machine has found. */
export type Snapshot = {
  readonly timeMs: number;
  readonly node: NodeStats;
  readonly disks: DiskStats;
  readonly pods: readonly PodStats[];
  /** Cgroups above the pods, by path: for `/metrics/cadvisor`. */
  readonly tiers: ReadonlyMap<string, Measured>;
};

/** What must be known again and again: the node as a whole, and the pods that may store only so much. */
export type Glance = Pick<Snapshot, 'timeMs' | 'node' | 'disks'> & {readonly limited: readonly PodStorage[]};

/** One cgroup as `/metrics/cadvisor` tells of it. */
export type Subject = {
  readonly labels: string;
  readonly measured: Measured;
  readonly startedAtMs: number;
  readonly processes?: number;
  readonly handles?: Handles;
  readonly network?: readonly NetworkSample[];
  /** The file system it writes to, and what it takes of it: all that is used for the machine itself. */
  readonly disk?: {
    readonly space: SpaceStats;
    readonly used: Usage;
    readonly isWhole: boolean;
    readonly activity?: DiskActivity;
  };
};
