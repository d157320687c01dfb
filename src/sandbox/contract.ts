/** What the rooms of the sandbox agree on: the server's options, its users and its objects. */
import type {KubeClient} from '../edges/kube/client.ts';
import type {Authority} from '../edges/x509.ts';
import type {Metadata} from '../lib/kubernetes.ts';
import type {Logger} from '../lib/log.ts';
import type {Clock} from '../lib/time.ts';
import type {Admit} from './admission/types.ts';

/** Any stored object with its fields open: the API server treats kinds alike. */
export type Obj = {apiVersion: string; kind: string; metadata: Metadata; [field: string]: unknown};

/** Who asks, as an authenticator found it (authentication.k8s.io UserInfo). */
export type User = {
  readonly username: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
};

export type SandboxOptions = {
  readonly stateDir: string;
  /** The IP at which nodes and people reach the server. */
  readonly address: string;
  /** 0 takes a free one; `Sandbox.url` tells it. */
  readonly port: number;
  readonly serviceCidr: string;
  readonly podCidr: string;
  readonly clusterDomain: string;
  /** Reported at /version: v1.36.0. */
  readonly version: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly admit?: Admit;
};

export type Sandbox = {
  /** https://address:port */
  readonly url: string;
  /** The API without sockets, as system:masters, through the same handlers as every other client. */
  readonly client: KubeClient;
  readonly files: SandboxFiles;
  /** The cluster's certificate authority, for the controllers that sign. */
  readonly ca: Authority;
  readonly port: number;
  close(): Promise<void>;
};

/** Paths below stateDir that other parts of the sandbox need. */
export type SandboxFiles = {
  readonly adminKubeconfig: string;
  readonly caCert: string;
  readonly caKey: string;
  readonly serviceAccountKey: string;
};
