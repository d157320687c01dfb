import type {KubeletConfig} from '../../../config/kubelet.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import {podLogDirectory} from './sandbox-config.ts';

/** Where the things of a pod are. */
export type PodPaths = {
  readonly root: string;
  readonly etcHosts: string;
  /** Termination messages, in a directory for each container. */
  readonly lastWords: string;
  readonly logs: string;
};

export function podPaths(config: KubeletConfig, pod: Pod): PodPaths {
  const root = podRoot(config, pod.metadata.uid);
  return {
    root,
    etcHosts: `${root}/etc-hosts`,
    lastWords: `${root}/containers`,
    logs: podLogDirectory(config.podLogsDir, pod),
  };
}

export function podRoot(config: KubeletConfig, uid: string): string {
  return `${config.rootDir}/pods/${uid}`;
}

/** The file name may have 255 bytes; Kubernetes cuts in front of the suffix too. */
const maxStem = 251;

/** `<pod>_<namespace>_<container>-<id>.log`, as log collectors expect it. */
export function logLink(config: KubeletConfig, pod: Pod, container: string, id: string): string {
  const stem = `${logLinkPrefix(pod)}${container}-${id}`.slice(0, maxStem);
  return `${config.containerLogDir}/${stem}.log`;
}

/** How the names of all links of a pod begin. */
export function logLinkPrefix({metadata: {name, namespace}}: Pod): string {
  return `${name}_${namespace}_`.slice(0, maxStem);
}
