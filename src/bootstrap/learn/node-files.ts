import {
  type Instance,
  instanceConfigText,
  kubeadmFlags,
  kubeletConfigText,
  kubeletKubeconfig,
  kubeletPaths,
  proxyConfigText,
} from '../../config/kubelet-files.ts';
import {sha256} from '../../edges/files/host-files.ts';
import type {ServiceUnit} from '../../edges/systemd/services.ts';
import type {Facts} from '../phase.ts';
import {clusterConfigPath, clusterProxyPath, clusterVersionPath} from './joined.ts';
import type {WantedFile} from './wanted.ts';

/** The cgroup driver follows the init system: two managers of one tree would fight. */
export function cgroupDriver({machine, options}: Facts): 'systemd' | 'cgroupfs' {
  const given = options.foreseenKubelet.cgroupDriver;
  if (given === 'systemd' || given === 'cgroupfs') return given;
  return machine.systemd && !options.ownLayout ? 'systemd' : 'cgroupfs';
}

export function kubeletConfigOf(facts: Facts): string {
  const {cluster, options} = facts;
  return kubeletConfigText(cluster.kubeletConfig, options, instanceOf(facts));
}

function instanceOf(facts: Facts): Instance {
  const {cgroup, resolvConf, resolved} = facts.machine;
  return {cgroupDriver: cgroupDriver(facts), cgroup, resolvConf, resolved};
}

/** Everything that a kubelet with a certificate needs, and nothing secret: the key is in its own file. */
export function kubeletFiles(facts: Facts): WantedFile[] {
  const {options, cluster} = facts;
  const paths = kubeletPaths(options);
  const cached = cluster.kubeletConfig;
  return [
    {path: paths.ca, content: cluster.ca, mode: 0o644},
    {
      path: paths.kubeconfig,
      content: kubeletKubeconfig(cluster.server, cluster.ca, paths.currentCertificate),
      mode: 0o600,
    },
    {path: paths.config, content: kubeletConfigOf(facts), mode: 0o600},
    {
      path: paths.instanceConfig,
      content: instanceConfigText(cached, options, instanceOf(facts)),
      mode: 0o600,
    },
    {path: paths.flags, content: kubeadmFlags(nodeFlags(facts)), mode: 0o600},
    ...(cached === undefined ? [] : [{path: clusterConfigPath(options), content: cached, mode: 0o600}]),
    ...(cluster.version === undefined
      ? []
      : [{path: clusterVersionPath(options), content: `${cluster.version}\n`, mode: 0o600}]),
  ];
}

/** What only a bootstrap token may read, for a later run of the join. */
export function keptFiles({options, cluster: {proxyConfig}}: Facts): WantedFile[] {
  if (proxyConfig === undefined) return [];
  return [{path: clusterProxyPath(options), content: proxyConfig, mode: 0o600}];
}

export function proxyFiles({options, cluster}: Facts): WantedFile[] {
  const paths = kubeletPaths(options);
  if (options.proxy === 'none') return [];
  return [
    ...(options.proxyKubeconfig === undefined
      ? []
      : [{path: paths.proxyKubeconfig, content: options.proxyKubeconfig, mode: 0o600, secret: true}]),
    {path: paths.proxyConfig, content: proxyConfigText(options, cluster.proxyConfig), mode: 0o600},
  ];
}

/** Only what a file cannot say (and CIS 4.2.7 wants no --hostname-override where it is not needed). */
function nodeFlags({options, machine}: Facts): string[] {
  return [
    ...(options.nodeName === machine.hostname ? [] : [`--hostname-override=${options.nodeName}`]),
    ...(options.nodeIp === undefined ? [] : [`--node-ip=${options.nodeIp}`]),
    ...(options.labels.length === 0 ? [] : [`--node-labels=${options.labels.join(',')}`]),
    ...options.kubeletArguments,
  ];
}

/** A single binary is started by the link that bears the daemon's name; sources by their command. */
function daemon({program, options}: Facts, link: string, command: string): string[] {
  return program.length === 1 ? [`${options.layout.stateDir}/bin/${link}`] : [...program, command];
}

export function kubeletUnit(facts: Facts): ServiceUnit {
  const {layout} = facts.options;
  const paths = kubeletPaths(facts.options);
  const argv = [
    ...daemon(facts, 'kubelet', 'kubelet'),
    `--config=${paths.config}`,
    `--kubeconfig=${paths.kubeconfig}`,
    `--root-dir=${layout.kubeletDir}`,
    `--cert-dir=${paths.pki}`,
    `--container-log-dir=${layout.containerLogDir}`,
    // Not among kubeadm's flags: a kubelet of Kubernetes would not know it.
    ...(facts.cluster.version === undefined ? [] : [`--report-version=${facts.cluster.version}`]),
    ...nodeFlags(facts),
  ];
  return {
    name: 'nodectl-kubelet',
    description: 'Kubernetes kubelet of nodectl',
    argv,
    env: {NODECTL_REVISION: revision(argv, kubeletFiles(facts)), ...smallHeap},
    after: ['containerd'],
    restart: 'always',
    notify: true,
    killMode: 'process',
    stopTimeoutMs: 30_000,
    template: 'templates/kubelet.service',
  };
}

/**
 * mallopt(3): glibc else keeps a heap for each of Node's threads, some megabytes each, and of what it has given out once,
 * by and by up to 32 MB, nothing is given back: thresholds that are set do not grow.
 */
export const smallHeap = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '32768',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_TOP_PAD_: '65536',
};

export function proxyUnit(facts: Facts): ServiceUnit {
  const argv = [
    ...daemon(facts, 'kube-proxy', 'proxy'),
    `--config=${kubeletPaths(facts.options).proxyConfig}`,
  ];
  return {
    name: 'nodectl-proxy',
    description: 'Kubernetes service proxy of nodectl',
    argv,
    env: {NODECTL_REVISION: revision(argv, proxyFiles(facts)), ...smallHeap},
    after: [],
    restart: 'always',
    notify: false,
    killMode: 'group',
    stopTimeoutMs: 10_000,
    template: 'templates/proxy.service',
  };
}

/** A daemon that runs with another revision than this was started before its files changed. */
export function revision(argv: readonly string[], files: readonly WantedFile[]): string {
  return sha256(JSON.stringify([argv, files.map(({path, content}) => [path, content])])).slice(0, 16);
}
