import type {Layout} from './layout.ts';

/** The one-machine control plane as `sandbox up` sets it up. */
export type SandboxSettings = {
  readonly layout: Layout;
  /** The directory of the layout when it is not the machine's own. */
  readonly root?: string;
  /** IP at which nodes, pods and people reach the API server. */
  readonly address: string;
  readonly port: number;
  /** Where cluster DNS listens at the address; Services reach it through kube-dns. */
  readonly dnsPort: number;
  readonly nodeName: string;
};

export const sandboxService = 'nodectl-sandbox';

/** Everything of the sandbox lies in one directory, which `sandbox down` removes. */
export function sandboxPaths({layout}: Pick<SandboxSettings, 'layout'>) {
  const dir = `${layout.stateDir}/sandbox`;
  return {
    dir,
    binary: `${dir}/bin/nodectl`,
    /** Where the control plane keeps its database and keys. */
    state: `${dir}/state`,
    adminKubeconfig: `${dir}/state/admin.conf`,
    ca: `${dir}/state/pki/ca.crt`,
    supervisor: `${dir}/supervisor`,
  } as const;
}
