import type {NodeOptions} from '../../config/join.ts';
import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Health} from '../../edges/http/http-health.ts';
import type {KubeConnection} from '../../edges/kube/connection.ts';
import type {HostFacts} from '../../edges/machine/host-facts.ts';
import type {Machine} from '../../edges/machine/machine.ts';
import type {SilentMount} from '../../edges/mounts/silent-mounts.ts';
import type {NftSight} from '../../edges/nftables/nft-sight.ts';
import type {ProxyCommit} from '../../edges/nftables/proxy-commits.ts';
import type {RuntimeSight} from '../../edges/runtime/runtime-sight.ts';
import type {SandboxProbe} from '../../edges/runtime/sandbox-probe.ts';
import type {ServiceStatus} from '../../edges/systemd/services.ts';
import type {Answer} from '../../edges/trust/discovery.ts';
import type {CertificateSigningRequest, Lease, Node, Pod, Service} from '../../lib/kubernetes.ts';
import {type Check, check} from '../check.ts';

/** `other`: Kubernetes' own kubelet, joined by another tool; `begun`: a join of ours that did not come to its end. */
export type Joined = 'yes' | 'begun' | 'other' | 'no';

/** The daemons of a node as people name them. */
export type Daemon = 'kubelet' | 'proxy' | 'containerd' | 'sandbox';

export type DaemonSight = {
  readonly status: ServiceStatus;
  /** How long its process has run. */
  readonly upMs: number | undefined;
  /** Its last words, read only when it is not well. */
  readonly log: readonly string[];
};

/** An answer of the API about one object: there, not there, or not told. */
export type Told<T> =
  | {readonly kind: 'there'; readonly object: T}
  | {readonly kind: 'missing'}
  | {readonly kind: 'refused'; readonly httpCode: number; readonly message: string};

/**
 * What can be seen of a node. Each look is made once, when somebody first wants it, however many checks do; it throws
 * when it cannot be made.
 */
export type Sight = {
  daemon(daemon: Daemon): Promise<DaemonSight>;
  kubeletConfig(): Promise<KubeletConfig>;
  connection(): Promise<KubeConnection>;
  runtime(): Promise<RuntimeSight>;
  kubeletHealth(): Promise<Health>;
  proxyHealth(): Promise<Health>;
  api(): Promise<Answer>;
  node(): Promise<Told<Node>>;
  lease(): Promise<Told<Lease>>;
  pods(): Promise<Told<readonly Pod[]>>;
  kubernetesService(): Promise<Told<Service>>;
  host(): Promise<HostFacts>;
  nft(): Promise<NftSight>;
  /** Rules of iptables' older kind, `nat -A POSTROUTING …`. */
  legacyRules(): Promise<readonly string[]>;
  /** What our proxy says that the kernel holds, by family; undefined when it does not answer. */
  commits(): Promise<Readonly<Record<string, ProxyCommit>> | undefined>;
  /** Requests for serving certificates that nobody has decided on. */
  servingRequests(): Promise<Told<readonly CertificateSigningRequest[]>>;
  /** The newest lines of the kubelet's log. */
  kubeletLog(): Promise<readonly string[]>;
  /** The newest lines of containerd's log. */
  containerdLog(): Promise<readonly string[]>;
  /** The newest lines of the proxy's log. */
  proxyLog(): Promise<readonly string[]>;
  /** Whether who starts the daemons anew is there. */
  supervised(): Promise<boolean>;
  /** Starts a throw-away pod and looks at it. */
  probe(): Promise<SandboxProbe>;
  close(): Promise<void>;
};

/** What the checks of a machine that is, or should be, a node start from. */
export type NodeContext = {
  readonly options: NodeOptions;
  /** ` --root DIR` where commands need it. */
  readonly rootFlag: string;
  readonly machine: Machine;
  readonly joined: Joined;
  /** The control plane of a sandbox is on this machine. */
  readonly sandbox: boolean;
  /** Our proxy serves this node, or should. */
  readonly proxied: boolean;
  /** File systems of the node's directories that do not answer: nothing below them may be touched. */
  readonly silent: readonly SilentMount[];
  readonly sight: Sight;
  readonly nowMs: number;
};

export type NodeCheck<Seen> = Check<Seen, NodeContext>;

export function nodeCheck<Seen>(definition: NodeCheck<Seen>) {
  return check<Seen, NodeContext>(definition);
}

/** A command of ours, as it is to be typed on this machine. */
export function command(context: Pick<NodeContext, 'rootFlag'>, words: string): string {
  return `sudo nodectl ${words}${context.rootFlag}`;
}
