/**
 * Where a node keeps its things. Nothing is hard-wired: every path follows from these, so that two nodes can
 * live side by side on one machine, each with its own layout.
 */
export type Layout = {
  /** Kubernetes' own files: kubelet.conf, bootstrap-kubelet.conf, pki/ca.crt, manifests/. */
  readonly kubernetesDir: string;
  /** The cluster's CA, when it is not pki/ca.crt there. */
  readonly caFile?: string;
  /** The kubelet's root: pods, pki, config.yaml, instance-config.yaml, device-plugins. */
  readonly kubeletDir: string;
  /** nodectl's own durable state: journal, plan, proxy kubeconfig, sandbox database. */
  readonly stateDir: string;
  /** Sockets, locks and pid files; gone after a reboot. */
  readonly runDir: string;
  /** Logs of supervised services. */
  readonly logDir: string;
  /** podLogsDir of the KubeletConfiguration. */
  readonly podLogDir: string;
  /** Symlinks for log collectors. */
  readonly containerLogDir: string;
  readonly cniConfDir: string;
  readonly cniBinDirs: readonly string[];
  readonly containerdConfig: string;
  readonly containerdSocket: string;
  readonly containerdRoot: string;
  readonly containerdState: string;
  /** Where units go when systemd is PID 1. */
  readonly unitDir: string;
};

export const hostLayout: Layout = {
  kubernetesDir: '/etc/kubernetes',
  kubeletDir: '/var/lib/kubelet',
  stateDir: '/var/lib/nodectl',
  runDir: '/run/nodectl',
  logDir: '/var/log/nodectl',
  podLogDir: '/var/log/pods',
  containerLogDir: '/var/log/containers',
  cniConfDir: '/etc/cni/net.d',
  cniBinDirs: ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'],
  containerdConfig: '/etc/containerd/config.toml',
  containerdSocket: '/run/containerd/containerd.sock',
  containerdRoot: '/var/lib/containerd',
  containerdState: '/run/containerd',
  unitDir: '/etc/systemd/system',
};

/** A layout wholly below one directory: a second node on the same machine, or a test. */
export function layoutBelow(dir: string): Layout {
  return {
    kubernetesDir: `${dir}/kubernetes`,
    kubeletDir: `${dir}/kubelet`,
    stateDir: `${dir}/state`,
    runDir: `${dir}/run`,
    logDir: `${dir}/log`,
    podLogDir: `${dir}/log/pods`,
    containerLogDir: `${dir}/log/containers`,
    cniConfDir: `${dir}/cni`,
    cniBinDirs: hostLayout.cniBinDirs,
    containerdConfig: `${dir}/containerd/config.toml`,
    containerdSocket: `${dir}/run/containerd.sock`,
    containerdRoot: `${dir}/containerd/root`,
    containerdState: `${dir}/run/containerd`,
    unitDir: `${dir}/units`,
  };
}

/** The machine's own node, or one below a directory of its own. */
export function placeOf(root: string | undefined): {layout: Layout; ownLayout: boolean} {
  return {layout: root === undefined ? hostLayout : layoutBelow(root), ownLayout: root !== undefined};
}
