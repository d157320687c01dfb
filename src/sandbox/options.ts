import type {KubeClient} from '../edges/kube/client.ts';
import type {Authority} from '../edges/trust/x509.ts';
import type {Logger} from '../lib/log.ts';
import type {Clock} from '../lib/time.ts';
import type {Admit} from './admission/types.ts';

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
