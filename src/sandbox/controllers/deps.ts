import type {KubeClient} from '../../edges/kube/client.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';

export type ControllerDeps = {
  /** With the rights of system:masters. */
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** The cluster's certificate authority, PEM. */
  readonly ca: {readonly cert: string; readonly key: string};
  /** Where nodes reach the API server; the endpoint of the `kubernetes` Service. */
  readonly address: {readonly host: string; readonly port: number};
  readonly serviceCidr: string;
  readonly podCidr: string;
  readonly clusterDomain: string;
  /** ClusterIP of kube-dns, and where the sandbox's DNS listens. */
  readonly dnsServiceIp: string;
  readonly dnsEndpoint: {readonly address: string; readonly port: number};
  /** `v1.36.0`: the version that kubeadm's ClusterConfiguration names. */
  readonly kubernetesVersion: string;
  /** Numbers in [0, 1), for names. */
  readonly random: () => number;
  readonly tuning?: ControllerTuning;
};

/** kube-controller-manager's own flags, with its defaults. */
export type ControllerTuning = {
  readonly nodeMonitorGracePeriodMs?: number;
  readonly terminatedPodGcThreshold?: number;
  readonly maxEndpointsPerSlice?: number;
  readonly cgroupDriver?: 'systemd' | 'cgroupfs';
  readonly failCgroupV1?: boolean;
};
